//! What the model answered.

use rivetos_types::message::{ContentPart, Message, ToolCall, TurnOutcome};
use rivetos_types::model::StopReason;

use super::calls::{OpenCalls, make_ids_unique};
use super::machine::{Opening, Turn};

impl Turn {
    pub(super) fn on_answer(&mut self, text: String, calls: Vec<ToolCall>, stop: StopReason) {
        self.step += 1;
        self.overflows = 0;
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
                    self.on_last_word(text);
                }
            };
        }
        self.say(&text);
        self.open_calls(text, calls);
        if stop == StopReason::Length {
            self.limit("the answer reached the model's output limit".to_owned());
        } else {
            self.check_step_limits();
        }
    }

    /// The model has nothing more to say, unless the person has said something meanwhile.
    fn on_last_word(&mut self, text: String) {
        if self.steers.is_empty() {
            return self.complete(text);
        }
        self.say(&text);
        if !text.is_empty() {
            self.messages.push(Message::assistant(text));
        }
        self.take_steers();
        self.check_step_limits();
    }

    fn open_calls(&mut self, text: String, mut calls: Vec<ToolCall>) {
        make_ids_unique(&mut calls, self.step);
        let Opening { rules, limits, .. } = &self.opening;
        self.calls = OpenCalls::new(&calls, self.step, rules, limits.step_calls_max);
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
}
