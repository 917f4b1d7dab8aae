//! Room in the model's window.

use rivetos_core::turn::TurnInput;
use rivetos_types::intake::TurnEvent;
use rivetos_types::store::{Compaction, Durability, StoreError, Then};

use super::Run;
use crate::application::compact::{Summary, summarise};
use crate::audit::AuditEvent;
use crate::telemetry::SpanEnd;

impl Run<'_> {
    /// Makes room in the model's window. Without a summary the older turns are dropped: the
    /// transcript keeps them, and the session goes on.
    pub(super) async fn compact(&mut self) -> Result<(), StoreError> {
        let choices = self.choices();
        let compactable = self.turn.compactable();
        let kept_messages = compactable.kept_messages;
        let messages = compactable.messages.len();
        self.compaction_is(Moment::Before, &format!("summarising {messages} messages"));
        let span = self.trace.compaction();
        let ended = tokio::select! {
            biased;
            by = self.aborted() => Err(by),
            summary = summarise(self.state, &choices, compactable) => Ok(summary),
        };
        let made = match ended {
            Ok(made) => {
                span.ended(SpanEnd::Ok);
                made
            }
            Err(by) => {
                drop(span);
                let words = format!("{messages} messages stay: the turn was ended");
                self.compaction_is(Moment::After, &words);
                let partial = String::new();
                return self.record(TurnInput::Aborted { by, partial });
            }
        };
        let summary = made.map(|Summary { text, usage, by }| {
            self.spend(&by, usage);
            text
        });
        let metrics = &self.state.metrics;
        let (became, counter) = match summary {
            Some(_) => ("became a summary", &metrics.summaries),
            None => ("are no longer shown to the model", &metrics.without_summary),
        };
        counter.add(1);
        self.compaction_is(Moment::After, &format!("{messages} messages {became}"));
        self.record(TurnInput::Compacted {
            summary,
            kept_messages,
        })?;
        let (summary, history) = self.turn.carried();
        let compaction = summary.map(|summary| Compaction {
            summary: summary.to_string(),
            kept_messages: history.len(),
        });
        self.store(compaction, Then::GoOn, Durability::ProcessCrash)
            .await
    }

    /// To the log, the audit log and whoever follows the turn; each `Before` has its `After`.
    fn compaction_is(&self, moment: Moment, words: &str) {
        let (name, event) = match moment {
            Moment::Before => ("compact:before", AuditEvent::CompactBefore),
            Moment::After => ("compact:after", AuditEvent::CompactAfter),
        };
        tracing::info!(turn = %self.claim.turn, words, "{name}");
        self.note(event, words);
        let text = format!("{name}: {words}");
        self.live.feed.event(TurnEvent::Status { text });
    }
}

/// When something is told of a compaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Before,
    After,
}
