//! The machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use rivetos_types::message::{
    ContentPart, Message, TokenUsage, ToolCall, ToolResult, ToolStatus, TurnOutcome,
};
use rivetos_types::model::StopReason;
use rivetos_types::tool::Effect;

use super::calls::{OpenCalls, PlannedCall, make_ids_unique};
use super::journal::{Abort, TurnInput};
use super::limits::Limits;

/// What a turn begins with. The same opening and the same inputs give the same turn.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The session's earlier turns, oldest first.
    pub history: Arc<Vec<Message>>,
    /// What the person said.
    pub content: Vec<ContentPart>,
    /// What each tool may change; a tool that is not there is unknown and changes nothing.
    pub effects: Arc<BTreeMap<String, Effect>>,
    /// How far the turn may go.
    pub limits: Limits,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnAction {
    /// Send [`Turn::conversation`] to the model.
    CallModel,
    /// Run these calls: either one that is mutating, or any number of read-only ones, which may
    /// run side by side.
    CallTools {
        /// In the model's order; never empty.
        calls: Vec<PlannedCall>,
    },
    /// The turn is over.
    Finish {
        /// How it ended.
        outcome: TurnOutcome,
        /// The reply; never empty when the turn completed.
        text: String,
    },
}

/// The machine; see the module's text.
#[derive(Debug, Clone)]
pub struct Turn {
    opening: Opening,
    messages: Vec<Message>,
    calls: OpenCalls,
    said: String,
    step: u32,
    usage: TokenUsage,
    elapsed_ms: u64,
    output_bytes: usize,
    /// How often a call failed with the same words, by tool and arguments.
    failures: BTreeMap<(String, String), (String, u32)>,
    unknown: Vec<String>,
    outcome: Option<TurnOutcome>,
}

impl Turn {
    /// A turn at its beginning.
    pub fn new(opening: Opening) -> Self {
        let messages = vec![Message::User {
            content: opening.content.clone(),
        }];
        Self {
            opening,
            messages,
            calls: OpenCalls::default(),
            said: String::new(),
            step: 0,
            usage: TokenUsage::default(),
            elapsed_ms: 0,
            output_bytes: 0,
            failures: BTreeMap::new(),
            unknown: Vec::new(),
            outcome: None,
        }
    }

    /// What is to be done next. Asking twice gives the same answer.
    pub fn next(&self) -> TurnAction {
        if let Some(outcome) = &self.outcome {
            return TurnAction::Finish {
                outcome: outcome.clone(),
                text: self.reply(),
            };
        }
        let calls = self.calls.next();
        if !calls.is_empty() {
            return TurnAction::CallTools { calls };
        }
        TurnAction::CallModel
    }

    /// History and turn, for the next request; keeps the invariant of [`Message`].
    pub fn conversation(&self) -> Vec<Message> {
        self.opening
            .history
            .iter()
            .chain(&self.messages)
            .cloned()
            .collect()
    }

    /// Takes what happened. What does not fit the present state changes nothing.
    pub fn on(&mut self, input: TurnInput) {
        if self.outcome.is_some() {
            return;
        }
        match input {
            TurnInput::Answered {
                text,
                calls,
                stop,
                usage,
                elapsed_ms,
            } => {
                if self.calls.is_empty() {
                    self.usage = self.usage.plus(usage);
                    self.elapsed_ms = self.elapsed_ms.max(elapsed_ms);
                    self.on_answer(text, calls, stop);
                }
            }
            TurnInput::ToolStarted { call_id } => self.calls.start(&call_id),
            TurnInput::ToolEnded { result, elapsed_ms } => {
                self.elapsed_ms = self.elapsed_ms.max(elapsed_ms);
                self.on_result(result);
            }
            TurnInput::Restored => self.on_restored(),
            TurnInput::Aborted { by, partial } => {
                let outcome = self.aborted(by);
                self.end(outcome, partial);
            }
            TurnInput::Failed { reason, partial } => {
                self.end(TurnOutcome::Failed { reason }, partial);
            }
        }
    }

    /// Everything that was said until now: what a watcher has seen.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// What the model requests cost until now.
    pub fn usage(&self) -> TokenUsage {
        self.usage
    }

    /// Model requests until now.
    pub fn steps(&self) -> u32 {
        self.step
    }

    /// Time spent, as of the last input.
    pub fn elapsed_ms(&self) -> u64 {
        self.elapsed_ms
    }

    /// What the turn adds to the session. For a turn that is over this is a whole turn: the
    /// person first, every call with its result, the model last.
    pub fn into_transcript(self) -> Vec<Message> {
        self.messages
    }

    /// The turn's messages until now, history excluded.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    fn on_answer(&mut self, text: String, calls: Vec<ToolCall>, stop: StopReason) {
        self.step += 1;
        if stop == StopReason::ContentFilter {
            let reason = "the model's content filter ended the answer".to_owned();
            return self.end(TurnOutcome::Failed { reason }, text);
        }
        if calls.is_empty() {
            return match stop {
                StopReason::Length => {
                    let reason = "the answer reached the model's output limit".to_owned();
                    self.end(TurnOutcome::LimitReached { reason }, text);
                }
                StopReason::End | StopReason::ToolUse | StopReason::ContentFilter => {
                    self.complete(text);
                }
            };
        }
        self.say(&text);
        self.open_calls(text, calls);
        if stop == StopReason::Length {
            self.limit("the answer reached the model's output limit".to_owned());
        } else if self.step >= self.opening.limits.steps_max {
            self.limit(format!("the turn reached its {} model requests", self.step));
        } else {
            self.check_time();
        }
    }

    fn complete(&mut self, text: String) {
        let text = if text.trim().is_empty() && self.said.is_empty() {
            "(The model ended the turn without a word.)".to_owned()
        } else {
            text
        };
        self.say(&text);
        let text = if text.is_empty() {
            "(no text)".to_owned()
        } else {
            text
        };
        self.messages.push(Message::assistant(text));
        self.outcome = Some(TurnOutcome::Completed);
    }

    fn open_calls(&mut self, text: String, mut calls: Vec<ToolCall>) {
        make_ids_unique(&mut calls, self.step);
        let Opening {
            effects, limits, ..
        } = &self.opening;
        self.calls = OpenCalls::new(&calls, self.step, effects, limits.step_calls_max);
        let content = if text.is_empty() {
            Vec::new()
        } else {
            vec![ContentPart::text(text)]
        };
        self.messages.push(Message::Assistant {
            content,
            tool_calls: calls,
        });
        self.close_step();
    }

    fn on_result(&mut self, mut result: ToolResult) {
        let bytes_max = self.opening.limits.call_output_bytes_max;
        if result.content.len() > bytes_max {
            result
                .content
                .truncate(result.content.floor_char_boundary(bytes_max));
            result.content.push_str("\n(cut)");
        }
        let (content, status) = (result.content.clone(), result.status);
        let Some(call) = self.calls.end(result) else {
            return;
        };
        self.output_bytes = self.output_bytes.saturating_add(content.len());
        let name = call.name.clone();
        let failures = self.count_failures(call, content, status);
        self.close_step();
        let limits = &self.opening.limits;
        if failures >= limits.same_failures_max {
            self.limit(format!(
                "the same call of `{name}` failed {failures} times in the same way"
            ));
        } else if self.output_bytes > limits.turn_output_bytes_max {
            let kib = limits.turn_output_bytes_max / 1024;
            self.limit(format!("the tools answered more than {kib} KiB"));
        } else {
            self.check_time();
        }
    }

    /// How often this call failed in this way without another answer in between, this time
    /// included.
    fn count_failures(&mut self, call: ToolCall, content: String, status: ToolStatus) -> u32 {
        let same = (call.name, call.arguments);
        match status {
            ToolStatus::Error => {
                let (last, count) = self.failures.entry(same).or_default();
                if *last != content {
                    (*last, *count) = (content, 0);
                }
                *count += 1;
                *count
            }
            ToolStatus::Ok | ToolStatus::Unknown | ToolStatus::Stopped => {
                self.failures.remove(&same);
                0
            }
        }
    }

    fn on_restored(&mut self) {
        self.unknown.extend(self.calls.lose_started());
        self.close_step();
    }

    fn aborted(&self, by: Abort) -> TurnOutcome {
        let limits = &self.opening.limits;
        match by {
            Abort::Person => TurnOutcome::Interrupted,
            Abort::Time => TurnOutcome::LimitReached {
                reason: too_long(limits),
            },
            Abort::AnswerBytes => TurnOutcome::LimitReached {
                reason: format!(
                    "an answer was longer than {} KiB",
                    limits.answer_bytes_max / 1024
                ),
            },
        }
    }

    fn check_time(&mut self) {
        let limits = &self.opening.limits;
        if self.elapsed_ms >= limits.turn_ms_max {
            self.limit(too_long(limits));
        }
    }

    fn limit(&mut self, reason: String) {
        self.end(TurnOutcome::LimitReached { reason }, String::new());
    }

    /// Ends a turn that did not complete: unanswered calls get a result, and the model's last
    /// word says for later turns why it is the last.
    fn end(&mut self, outcome: TurnOutcome, partial: String) {
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

    /// Moves the results to the conversation once every call has one.
    fn close_step(&mut self) {
        self.messages
            .extend(self.calls.take_results().into_iter().map(Message::Tool));
    }

    fn say(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !self.said.is_empty() {
            self.said.push_str("\n\n");
        }
        self.said.push_str(text);
    }

    fn reply(&self) -> String {
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
