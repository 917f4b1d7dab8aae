//! One line per step as it ends.

use std::collections::BTreeMap;

use rivetos_engine::{Event, EventKind};
use rivetos_fleet::model::{Op, Plan, StepId};

use crate::output::Printer;

/// Shows the events of one run.
pub(crate) struct Progress {
    printer: Printer,
    lines: BTreeMap<StepId, String>,
}

impl Progress {
    /// For the steps of `plan`.
    pub(crate) fn new(plan: &Plan, printer: Printer) -> Self {
        let lines = plan
            .steps
            .iter()
            .map(|step| {
                let verb = match &step.op {
                    Op::Create { .. } => "created",
                    Op::Ensure { .. } => "made sure of",
                    Op::Start { .. } => "started",
                    Op::Remove { .. } => "removed",
                    Op::Update { .. } => "updated",
                    Op::Swap { .. } => "replaced",
                    Op::Confirm { .. } => "confirmed",
                    Op::Load { .. } => "brought over",
                    Op::Adopt { .. } => "adopted",
                    Op::Forget { .. } => "forgot",
                };
                (step.id.clone(), format!("{verb} {}", step.resource))
            })
            .collect();
        Self { printer, lines }
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &Event) {
        let style = self.printer.err();
        let after = style.dim(format!("{:>6.2} s", seconds(event.elapsed_ms)));
        let say =
            |sign: String, what: &str| self.printer.talk(format_args!("{after} {sign} {what}"));
        match &event.kind {
            EventKind::Done {
                step,
                changed: true,
            } => say(style.green("✓"), self.line(step)),
            EventKind::Done {
                step,
                changed: false,
            } => {
                say(
                    style.dim("✓"),
                    &format!("{} (it was so already)", self.line(step)),
                );
            }
            EventKind::Failed { step, .. } => say(style.red("✗"), &format!("{step} failed")),
            EventKind::Skipped { step, because } => {
                say(
                    style.yellow("–"),
                    &format!("{step} skipped because of {because}"),
                );
            }
            EventKind::Interrupted { running } => say(
                style.yellow("!"),
                &format!("stopping; {running} running steps are finished first"),
            ),
            EventKind::NodeReady { node } => say(style.green("✓"), &format!("{node} is ready")),
            EventKind::NodeNotReady { node, last } => {
                say(style.red("✗"), &format!("{node} is not ready: {last}"));
            }
            EventKind::Started { .. } | EventKind::Progress { .. } | EventKind::Executed { .. } => {
            }
        }
    }

    fn line<'a>(&'a self, step: &'a StepId) -> &'a str {
        self.lines.get(step).map_or(step.0.as_str(), String::as_str)
    }
}

#[expect(clippy::cast_precision_loss, reason = "runs last hours, not millennia")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
