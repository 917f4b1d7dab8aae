//! Paints a plan's lines.

use rivetos_fleet::model::{Action, Plan};
use rivetos_fleet::{Line, Style as Meaning};

use super::Style;

/// The plan in words, with line breaks.
pub(crate) fn plan_text(plan: &Plan, style: Style) -> String {
    plan.lines()
        .iter()
        .map(|line| paint(line, style) + "\n")
        .collect()
}

fn paint(line: &Line, style: Style) -> String {
    let text = &line.text;
    match line.style {
        Meaning::Action(Action::Create) => style.green(text),
        Meaning::Action(
            Action::Update | Action::Replace | Action::Start | Action::Adopt | Action::Forget,
        ) => style.yellow(text),
        Meaning::Action(Action::Delete) | Meaning::Blocked => style.red(text),
        Meaning::Detail => text.clone(),
        Meaning::Note => style.dim(text),
        Meaning::Summary => style.bold(text),
    }
}
