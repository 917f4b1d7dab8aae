//! What became of each step of a plan, and of each node that is waited for.

use std::collections::BTreeMap;
use std::fmt::Write;

use rivetos_engine::{Event, EventKind};
use rivetos_fleet::model::{Plan, ResourceId, StepId};

use crate::output::Style;

/// What became of a step so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    NotStarted,
    Running {
        began_ms: u64,
        last: Option<String>,
    },
    Done {
        took_ms: u64,
    },
    Failed {
        took_ms: u64,
        message: String,
        hint: Option<String>,
    },
    Skipped {
        because: StepId,
    },
}

/// Counts and times, from the events of one run.
#[derive(Debug)]
pub(super) struct Tally {
    /// In the plan's order.
    steps: Vec<(StepId, Fate)>,
    index: BTreeMap<StepId, usize>,
    /// Nodes that do not take work yet, and what was last seen of them.
    waiting: BTreeMap<ResourceId, String>,
    ready: usize,
}

impl Tally {
    pub(super) fn new(plan: &Plan) -> Self {
        let ids = || plan.steps.iter().map(|step| step.id.clone());
        Self {
            steps: ids().map(|id| (id, Fate::NotStarted)).collect(),
            index: ids().zip(0..).collect(),
            waiting: BTreeMap::new(),
            ready: 0,
        }
    }

    /// Takes note of an event.
    pub(super) fn note(&mut self, event: &Event) {
        let now = event.elapsed_ms;
        match &event.kind {
            EventKind::Started { step, .. } => self.set(step, |_| Fate::Running {
                began_ms: now,
                last: None,
            }),
            EventKind::Progress { step, what } => self.set(step, |before| Fate::Running {
                began_ms: now - took(before, now),
                last: Some(what.clone()),
            }),
            EventKind::Done { step, .. } => self.set(step, |before| Fate::Done {
                took_ms: took(before, now),
            }),
            EventKind::Failed {
                step,
                message,
                hint,
            } => self.set(step, |before| Fate::Failed {
                took_ms: took(before, now),
                message: message.clone(),
                hint: hint.clone(),
            }),
            EventKind::Skipped { step, because } => self.set(step, |_| Fate::Skipped {
                because: because.clone(),
            }),
            EventKind::NodeWaiting { node, last } => {
                self.waiting.insert(node.clone(), last.clone());
            }
            EventKind::NodeReady { node } => {
                self.waiting.remove(node);
                self.ready += 1;
            }
            EventKind::NodeNotReady { node, .. } => {
                self.waiting.remove(node);
            }
            EventKind::Interrupted { .. } | EventKind::Executed { .. } => {}
        }
    }

    fn set(&mut self, id: &StepId, fate: impl FnOnce(&Fate) -> Fate) {
        let at = self.index.get(id).copied();
        if let Some((_, known)) = at.and_then(|at| self.steps.get_mut(at)) {
            *known = fate(known);
        }
    }

    /// The steps of which `is` holds.
    pub(super) fn which(&self, is: impl Fn(&Fate) -> bool) -> Vec<&StepId> {
        let steps = self.steps.iter().filter(|(_, fate)| is(fate));
        steps.map(|(step, _)| step).collect()
    }

    /// How many steps were done, failed, were skipped, and so on, in words.
    pub(super) fn counts(&self) -> String {
        let count = |is: fn(&Fate) -> bool| self.which(is).len();
        let running = count(Fate::is_running);
        let mut text = format!(
            "{} done, {} failed, {} skipped, {} not started",
            count(Fate::is_done),
            count(Fate::is_failed),
            count(Fate::is_skipped),
            count(Fate::is_not_started),
        );
        if running > 0 {
            let _ = write!(text, ", {running} left running");
        }
        text
    }

    /// One line for each thing under way at `now_ms`, at most `most`, and the total.
    pub(super) fn board(&self, now_ms: u64, (most, style): (usize, Style)) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for (step, fate) in &self.steps {
            if let Fate::Running { began_ms, last } = fate {
                let time = style.dim(seconds(now_ms.saturating_sub(*began_ms)));
                let last = last
                    .as_ref()
                    .map_or_else(String::new, |last| format!(": {last}"));
                lines.push(format!("{time} … {step}{last}"));
            }
        }
        for (node, last) in &self.waiting {
            lines.push(format!("{} … {node}: {last}", style.dim(seconds(now_ms))));
        }
        let more = lines.len().saturating_sub(most);
        lines.truncate(most);
        if more > 0 {
            lines.push(format!("           and {more} more"));
        }
        lines.push(style.bold(self.total(now_ms)));
        lines
    }

    fn total(&self, now_ms: u64) -> String {
        let over = self.which(|fate| !fate.is_running() && !fate.is_not_started());
        let mut text = format!(
            "{} {} of {} steps over",
            seconds(now_ms),
            over.len(),
            self.steps.len()
        );
        let failed = self.which(Fate::is_failed).len();
        if failed > 0 {
            let _ = write!(text, ", {failed} failed");
        }
        if self.ready > 0 || !self.waiting.is_empty() {
            let all = self.ready + self.waiting.len();
            let _ = write!(text, ", {} of {all} agents ready", self.ready);
        }
        text
    }

    /// Every step with what became of it; failures come last, where they are read.
    pub(super) fn table(&self, style: Style) -> String {
        let mut text = self.counts();
        let mut rows: Vec<&(StepId, Fate)> = self.steps.iter().collect();
        rows.sort_by_key(|(_, fate)| fate.rank());
        for (step, fate) in rows {
            let blank = " ".repeat(seconds(0).len());
            let row = match fate {
                Fate::Done { took_ms } => {
                    format!(
                        "{} {} {step}",
                        style.dim(seconds(*took_ms)),
                        style.green("✓")
                    )
                }
                Fate::NotStarted => format!("{blank} · {step}: not started"),
                Fate::Skipped { because } => format!(
                    "{blank} {} {step}: skipped because of {because}",
                    style.yellow("–")
                ),
                Fate::Running { last, .. } => {
                    let last = last
                        .as_ref()
                        .map_or_else(String::new, |last| format!(", {last}"));
                    format!("{blank} {} {step}: left running{last}", style.yellow("…"))
                }
                Fate::Failed {
                    took_ms,
                    message,
                    hint,
                } => {
                    let time = style.dim(seconds(*took_ms));
                    let message = message.replace('\n', "\n    ");
                    let mut row = format!("{time} {} {step}: {message}", style.red("✗"));
                    if let Some(hint) = hint {
                        let _ = write!(row, "\n    hint: {hint}");
                    }
                    row
                }
            };
            text.push('\n');
            text.push_str(&row);
        }
        text
    }
}

impl Fate {
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    pub(super) fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    pub(super) fn is_skipped(&self) -> bool {
        matches!(self, Self::Skipped { .. })
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    pub(super) fn is_not_started(&self) -> bool {
        matches!(self, Self::NotStarted)
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Done { .. } => 0,
            Self::NotStarted => 1,
            Self::Skipped { .. } => 2,
            Self::Running { .. } => 3,
            Self::Failed { .. } => 4,
        }
    }
}

/// How long a step has run at `now_ms`.
fn took(before: &Fate, now_ms: u64) -> u64 {
    match before {
        Fate::Running { began_ms, .. } => now_ms.saturating_sub(*began_ms),
        Fate::NotStarted | Fate::Done { .. } | Fate::Failed { .. } | Fate::Skipped { .. } => 0,
    }
}

/// A time as it stands in front of a line.
#[expect(clippy::cast_precision_loss, reason = "runs last hours, not millennia")]
pub(super) fn seconds(ms: u64) -> String {
    format!("{:>6.2} s", ms as f64 / 1000.0)
}

#[cfg(test)]
mod tests;
