//! How a turn ends.

use rivetos_types::message::{ContentPart, Message, TurnOutcome, text_of};

use super::journal::Abort;
use super::limits::Limits;
use super::machine::Turn;

impl Turn {
    pub(super) fn complete(&mut self, mut content: Vec<ContentPart>) {
        let text = text_of(&content);
        if !text.trim().is_empty() {
            self.say(&text);
        } else if self.said.is_empty() {
            let note = "(The model ended the turn without a word.)";
            self.say(note);
            content.push(ContentPart::text(note));
        } else if text.is_empty() {
            // No vendor takes a message without a word.
            content.push(ContentPart::text("(no text)"));
        }
        self.messages.push(Message::Assistant {
            content,
            tool_calls: Vec::new(),
        });
        self.outcome = Some(TurnOutcome::Completed);
    }

    pub(super) fn on_aborted(&mut self, by: Abort, partial: String) {
        let limits = &self.opening.limits;
        let outcome = match by {
            Abort::Person => TurnOutcome::Interrupted,
            Abort::Time => TurnOutcome::LimitReached {
                reason: too_long(limits),
            },
            Abort::Budget { reason } => TurnOutcome::LimitReached { reason },
            Abort::AnswerBytes => TurnOutcome::LimitReached {
                reason: format!(
                    "an answer was longer than {} KiB",
                    limits.answer_bytes_max / 1024
                ),
            },
        };
        self.end(outcome, partial);
    }

    pub(super) fn interrupt(&mut self) {
        self.end(TurnOutcome::Interrupted, String::new());
    }

    /// After each answer that asks for another request.
    pub(super) fn check_step_limits(&mut self) {
        let Limits {
            steps_max,
            turn_micro_usd_max,
            ..
        } = self.opening.limits;
        if self.step >= steps_max {
            return self.limit(format!("the turn reached its {} model requests", self.step));
        }
        if let Some(max) = turn_micro_usd_max.filter(|max| self.micro_usd >= *max) {
            return self.limit(format!("the turn cost its {}", dollars(max)));
        }
        self.check_time();
    }

    pub(super) fn check_time(&mut self) {
        let limits = &self.opening.limits;
        if self.elapsed_ms >= limits.turn_ms_max {
            self.limit(too_long(limits));
        }
    }

    pub(super) fn limit(&mut self, reason: String) {
        self.end(TurnOutcome::LimitReached { reason }, String::new());
    }

    /// Ends a turn that did not complete: unanswered calls get a result, and the model's last
    /// word says for later turns why it is the last.
    pub(super) fn end(&mut self, outcome: TurnOutcome, partial: String) {
        self.calls.stop();
        self.close_step();
        self.say(&partial);
        let note = match &outcome {
            TurnOutcome::Completed => "the turn is complete",
            TurnOutcome::Interrupted => "the person stopped the turn here",
            TurnOutcome::LimitReached { reason } | TurnOutcome::Failed { reason } => reason,
        };
        let mut last = partial;
        if !last.is_empty() {
            last.push_str("\n\n");
        }
        last.extend(["(Ended: ", note, ".)"]);
        self.messages.push(Message::assistant(last));
        self.outcome = Some(outcome);
    }

    pub(super) fn say(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !self.said.is_empty() {
            self.said.push_str("\n\n");
        }
        self.said.push_str(text);
    }

    pub(super) fn reply(&self) -> String {
        let mut text = self.said.clone();
        for tool in &self.unknown {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            text.extend([
                "Note: I was restarted while `",
                tool,
                "` ran. Its effect is unknown; it was not repeated.",
            ]);
        }
        text
    }
}

fn too_long(limits: &Limits) -> String {
    format!("the turn took longer than {} s", limits.turn_ms_max / 1000)
}

/// For people, with the cents that matter.
fn dollars(micro_usd: u64) -> String {
    let cents = micro_usd.div_ceil(10_000);
    format!("{}.{:02} US dollars", cents / 100, cents % 100)
}
