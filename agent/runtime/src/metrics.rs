//! What is counted and measured since the start. Counting is a few atomic additions; all else
//! happens when somebody asks.

mod family;
mod histogram;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rivetos_types::message::{TokenUsage, ToolStatus, TurnOutcome};
use rivetos_types::store::{Decision, Letters};

use family::{Family, Points, Row, Value, json, text};
use histogram::Histogram;

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
    turn_time: Histogram,
    pub(crate) steps: Counter,
    pub(crate) first_byte_time: Histogram,
    pub(crate) model_retries: Counter,
    /// Requests that another model got because one could not answer.
    pub(crate) model_fallbacks: Counter,
    input_tokens: Counter,
    output_tokens: Counter,
    cache_read_tokens: Counter,
    cache_write_tokens: Counter,
    /// In millionths of a US dollar.
    pub(crate) cost_micro_usd: Counter,
    pub(crate) summaries: Counter,
    pub(crate) without_summary: Counter,
    tools_ok: Counter,
    tools_error: Counter,
    pub(crate) tool_time: Histogram,
    approved: Counter,
    denied: Counter,
    stopped: Counter,
    expired: Counter,
    pub(crate) model_errors: Counter,
    pub(crate) store_errors: Counter,
    pub(crate) undelivered: Counter,
}

/// What is so at the moment. What the store did not tell is absent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gauges {
    pub(crate) open_turns: u64,
    pub(crate) queued_turns: u64,
    pub(crate) parked_turns: Option<u64>,
    pub(crate) letters: Option<Letters>,
    pub(crate) audit_lost: u64,
    pub(crate) spans_lost: u64,
}

impl Metrics {
    /// A turn came to its end; `took` leaves out the time that it waited for a person.
    pub(crate) fn turn(&self, outcome: &TurnOutcome, usage: TokenUsage, took: Duration) {
        let counter = match outcome {
            TurnOutcome::Completed => &self.completed,
            TurnOutcome::Interrupted => &self.interrupted,
            TurnOutcome::LimitReached { .. } => &self.limit_reached,
            TurnOutcome::Failed { .. } => &self.failed,
        };
        counter.add(1);
        self.turn_time.observe(took);
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

    /// A question about a call is over.
    pub(crate) fn decided(&self, decision: Decision) {
        let counter = match decision {
            Decision::Approved => &self.approved,
            Decision::Denied => &self.denied,
            Decision::Stopped => &self.stopped,
            Decision::Expired => &self.expired,
        };
        counter.add(1);
    }

    /// In the text format of Prometheus.
    pub(crate) fn text(&self, gauges: Gauges) -> String {
        text(&self.families(gauges))
    }

    /// The same as JSON.
    pub(crate) fn json(&self, gauges: Gauges) -> serde_json::Value {
        json(&self.families(gauges))
    }

    /// In the order of the reference.
    fn families(&self, gauges: Gauges) -> Vec<Family> {
        let turns = self.of_turns(gauges).into_iter();
        let rest = turns.chain(self.of_models()).chain(self.of_tools());
        rest.chain(self.of_the_rest(gauges)).collect()
    }

    fn of_turns(&self, gauges: Gauges) -> [Family; 5] {
        let outcome = |name, counter: &Counter| Row::of("outcome", name, counter.get());
        [
            Family {
                name: "rivetos_turns_total",
                help: "Turns that ended, by outcome.",
                points: Points::Counter(vec![
                    outcome("completed", &self.completed),
                    outcome("interrupted", &self.interrupted),
                    outcome("limit_reached", &self.limit_reached),
                    outcome("failed", &self.failed),
                ]),
            },
            Family {
                name: "rivetos_turn_duration_seconds",
                help: "Time that turns took, without waiting for a person.",
                points: Points::Histogram(self.turn_time.snapshot()),
            },
            Family::gauge(
                "rivetos_open_turns",
                "Turns received, not yet answered.",
                Some(gauges.open_turns),
            ),
            Family::gauge(
                "rivetos_queued_turns",
                "Open turns that wait for their session or for a place.",
                Some(gauges.queued_turns),
            ),
            Family::gauge(
                "rivetos_parked_turns",
                "Turns in the store that wait for a person.",
                gauges.parked_turns,
            ),
        ]
    }

    fn of_models(&self) -> [Family; 7] {
        let tokens = |name, counter: &Counter| Row::of("direction", name, counter.get());
        let result = |name, counter: &Counter| Row::of("result", name, counter.get());
        [
            Family::counter(
                "rivetos_steps_total",
                "Requests to the model.",
                self.steps.get(),
            ),
            Family {
                name: "rivetos_model_first_byte_seconds",
                help: "Time until the first piece of an answer.",
                points: Points::Histogram(self.first_byte_time.snapshot()),
            },
            Family::counter(
                "rivetos_model_retries_total",
                "Requests that were sent again after a failure.",
                self.model_retries.get(),
            ),
            Family::counter(
                "rivetos_model_fallbacks_total",
                "Requests that another model got because one could not answer.",
                self.model_fallbacks.get(),
            ),
            Family {
                name: "rivetos_tokens_total",
                help: "Tokens of the model, by direction.",
                points: Points::Counter(vec![
                    tokens("input", &self.input_tokens),
                    tokens("output", &self.output_tokens),
                    tokens("cache_read", &self.cache_read_tokens),
                    tokens("cache_write", &self.cache_write_tokens),
                ]),
            },
            Family {
                name: "rivetos_cost_usd_total",
                help: "What requests to the model cost, in US dollars.",
                points: Points::Counter(vec![Row::plain(Value::millionths(
                    self.cost_micro_usd.get(),
                ))]),
            },
            Family {
                name: "rivetos_compactions_total",
                help: "How often older turns gave way, by what is left of them.",
                points: Points::Counter(vec![
                    result("summary", &self.summaries),
                    result("nothing", &self.without_summary),
                ]),
            },
        ]
    }

    fn of_tools(&self) -> [Family; 3] {
        let status = |name, counter: &Counter| Row::of("status", name, counter.get());
        let outcome = |name, counter: &Counter| Row::of("outcome", name, counter.get());
        [
            Family {
                name: "rivetos_tool_calls_total",
                help: "Tool calls that ended, by status.",
                points: Points::Counter(vec![
                    status("ok", &self.tools_ok),
                    status("error", &self.tools_error),
                ]),
            },
            Family {
                name: "rivetos_tool_duration_seconds",
                help: "Time that tool calls took.",
                points: Points::Histogram(self.tool_time.snapshot()),
            },
            Family {
                name: "rivetos_approvals_total",
                help: "Questions about a call that are over, by outcome.",
                points: Points::Counter(vec![
                    outcome("approved", &self.approved),
                    outcome("denied", &self.denied),
                    outcome("stopped", &self.stopped),
                    outcome("expired", &self.expired),
                ]),
            },
        ]
    }

    fn of_the_rest(&self, gauges: Gauges) -> [Family; 6] {
        let part = |name, counter: &Counter| Row::of("part", name, counter.get());
        [
            Family {
                name: "rivetos_errors_total",
                help: "Failed operations, by the part that failed.",
                points: Points::Counter(vec![
                    part("model", &self.model_errors),
                    part("store", &self.store_errors),
                ]),
            },
            Family::gauge(
                "rivetos_waiting_replies",
                "Replies in the store that wait for their delivery.",
                gauges.letters.map(|letters| letters.waiting),
            ),
            Family::gauge(
                "rivetos_dead_letters",
                "Replies in the store that could not be delivered.",
                gauges.letters.map(|letters| letters.dead),
            ),
            Family::counter(
                "rivetos_undelivered_replies_total",
                "Replies that expired before anybody fetched them.",
                self.undelivered.get(),
            ),
            Family::counter(
                "rivetos_audit_lost_total",
                "Entries that could not be written to the audit log.",
                gauges.audit_lost,
            ),
            Family::counter(
                "rivetos_spans_lost_total",
                "Spans that the collector of traces did not take.",
                gauges.spans_lost,
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_in_the_reference_and_no_other() {
        let reference = include_str!("../../../docs/reference/metrics.md");
        let listed = reference.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("| `rivetos_")?.split_once('`')?;
            let kind = rest.split('|').nth(1)?.trim();
            Some(format!("rivetos_{name} {kind}"))
        });
        let text = Metrics::default().text(Gauges::default());
        let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        assert_eq!(listed.collect::<Vec<_>>(), families.collect::<Vec<_>>());
    }

    #[test]
    fn what_the_store_did_not_tell_is_absent() {
        let text = Metrics::default().text(Gauges::default());
        let told = |line: &&str| line.starts_with("rivetos_dead_letters");
        assert_eq!(text.lines().find(told), None);
        assert!(text.contains("# TYPE rivetos_dead_letters gauge\n"));
    }
}
