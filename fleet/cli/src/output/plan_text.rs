//! Paints a plan's lines.

use rivetos_fleet::model::{Action, Plan};
use rivetos_fleet::{Line, Side, Style as Meaning};

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
        Meaning::Detail => paint_parts(line, style),
        Meaning::Note => style.dim(text),
        Meaning::Summary => style.bold(text),
    }
}

/// What goes is red and what comes is green.
fn paint_parts(line: &Line, style: Style) -> String {
    let mut painted = String::with_capacity(line.text.len());
    let mut from = 0;
    for mark in &line.marks {
        painted.push_str(line.text.get(from..mark.at.start).unwrap_or_default());
        let part = line.text.get(mark.at.clone()).unwrap_or_default();
        painted.push_str(&match mark.side {
            Side::Removed => style.red(part),
            Side::Added => style.green(part),
        });
        from = mark.at.end;
    }
    painted.push_str(line.text.get(from..).unwrap_or_default());
    painted
}

#[cfg(test)]
mod tests {
    use rivetos_fleet::Mark;

    use super::*;

    #[test]
    fn each_value_of_a_change_has_its_colour() {
        let line = Line {
            style: Meaning::Detail,
            text: "    pids: \"1\" → \"512\" (while it runs)".to_owned(),
            marks: vec![
                Mark {
                    at: 10..13,
                    side: Side::Removed,
                },
                Mark {
                    at: 18..23,
                    side: Side::Added,
                },
            ],
        };
        assert_eq!(paint(&line, Style::Plain), line.text);
        assert_eq!(
            paint(&line, Style::Ansi),
            "    pids: \x1b[31m\"1\"\x1b[0m → \x1b[32m\"512\"\x1b[0m (while it runs)"
        );
    }
}
