//! Counters, in the text format of Prometheus.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use rivetos_types::message::{TokenUsage, ToolStatus, TurnOutcome};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Everything that is counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    completed: Counter,
    interrupted: Counter,
    limit_reached: Counter,
    failed: Counter,
    pub(crate) steps: Counter,
    input_tokens: Counter,
    output_tokens: Counter,
    cache_read_tokens: Counter,
    cache_write_tokens: Counter,
    tools_ok: Counter,
    tools_error: Counter,
    pub(crate) model_errors: Counter,
    pub(crate) store_errors: Counter,
    pub(crate) undelivered: Counter,
}

impl Metrics {
    pub(crate) fn turn(&self, outcome: &TurnOutcome, usage: TokenUsage) {
        let counter = match outcome {
            TurnOutcome::Completed => &self.completed,
            TurnOutcome::Interrupted => &self.interrupted,
            TurnOutcome::LimitReached { .. } => &self.limit_reached,
            TurnOutcome::Failed { .. } => &self.failed,
        };
        counter.add(1);
        self.input_tokens.add(usage.input);
        self.output_tokens.add(usage.output);
        self.cache_read_tokens.add(usage.cache_read);
        self.cache_write_tokens.add(usage.cache_write);
    }

    pub(crate) fn tool(&self, status: ToolStatus) {
        match status {
            ToolStatus::Ok => self.tools_ok.add(1),
            ToolStatus::Error | ToolStatus::Unknown | ToolStatus::Stopped | ToolStatus::Denied => {
                self.tools_error.add(1);
            }
        }
    }

    /// The exposition; `open_turns` is the one gauge.
    pub(crate) fn render(&self, open_turns: usize, audit_lost: u64) -> String {
        let mut text = String::with_capacity(2048);
        family(
            &mut text,
            "rivetos_turns_total",
            "Turns that ended, by outcome.",
            &[
                ("{outcome=\"completed\"}", self.completed.get()),
                ("{outcome=\"interrupted\"}", self.interrupted.get()),
                ("{outcome=\"limit_reached\"}", self.limit_reached.get()),
                ("{outcome=\"failed\"}", self.failed.get()),
            ],
        );
        let open = u64::try_from(open_turns).unwrap_or(u64::MAX);
        family(
            &mut text,
            "rivetos_open_turns",
            "Turns received, not yet answered.",
            &[("", open)],
        );
        let steps = self.steps.get();
        family(
            &mut text,
            "rivetos_steps_total",
            "Requests to the model.",
            &[("", steps)],
        );
        family(
            &mut text,
            "rivetos_tokens_total",
            "Tokens of the model, by direction.",
            &[
                ("{direction=\"input\"}", self.input_tokens.get()),
                ("{direction=\"output\"}", self.output_tokens.get()),
                ("{direction=\"cache_read\"}", self.cache_read_tokens.get()),
                ("{direction=\"cache_write\"}", self.cache_write_tokens.get()),
            ],
        );
        family(
            &mut text,
            "rivetos_tool_calls_total",
            "Tool calls that ended, by status.",
            &[
                ("{status=\"ok\"}", self.tools_ok.get()),
                ("{status=\"error\"}", self.tools_error.get()),
            ],
        );
        family(
            &mut text,
            "rivetos_errors_total",
            "Failed operations, by the part that failed.",
            &[
                ("{part=\"model\"}", self.model_errors.get()),
                ("{part=\"store\"}", self.store_errors.get()),
            ],
        );
        family(
            &mut text,
            "rivetos_undelivered_replies_total",
            "Replies that expired before anybody fetched them.",
            &[("", self.undelivered.get())],
        );
        family(
            &mut text,
            "rivetos_audit_lost_total",
            "Entries that could not be written to the audit log.",
            &[("", audit_lost)],
        );
        text
    }
}

/// Counters are those whose names say so.
fn family(text: &mut String, name: &str, help: &str, rows: &[(&str, u64)]) {
    let kind = if name.ends_with("_total") {
        "counter"
    } else {
        "gauge"
    };
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in rows {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_its_type_and_rows() {
        let metrics = Metrics::default();
        metrics.turn(
            &TurnOutcome::Completed,
            TokenUsage {
                input: 7,
                output: 2,
                cache_read: 4,
                cache_write: 1,
            },
        );
        metrics.tool(ToolStatus::Unknown);
        let text = metrics.render(3, 0);
        for line in [
            "# TYPE rivetos_turns_total counter",
            "rivetos_turns_total{outcome=\"completed\"} 1",
            "rivetos_turns_total{outcome=\"failed\"} 0",
            "rivetos_open_turns 3",
            "rivetos_tokens_total{direction=\"input\"} 7",
            "rivetos_tokens_total{direction=\"cache_read\"} 4",
            "rivetos_tokens_total{direction=\"cache_write\"} 1",
            "rivetos_tool_calls_total{status=\"error\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn every_metric_is_in_the_reference_and_no_other() {
        let reference = include_str!("../../../docs/reference/metrics.md");
        let listed = reference.lines().filter_map(|line| {
            let (name, _) = line.strip_prefix("| `rivetos_")?.split_once('`')?;
            Some(format!("rivetos_{name}"))
        });
        let text = Metrics::default().render(0, 0);
        let families = text.lines().filter_map(|line| {
            let (name, _) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
            Some(name.to_owned())
        });
        assert_eq!(listed.collect::<Vec<_>>(), families.collect::<Vec<_>>());
    }
}
