//! What the model answered.

use rivetos_types::message::{ContentPart, Message, ToolCall, TurnOutcome, text_of};
use rivetos_types::model::StopReason;

use super::calls::{OpenCalls, make_ids_unique};
use super::machine::{Opening, Turn};

impl Turn {
    pub(super) fn on_answer(
        &mut self,
        content: Vec<ContentPart>,
        calls: Vec<ToolCall>,
        stop: &StopReason,
    ) {
        self.step += 1;
        self.overflows = 0;
        let refused = match stop {
            StopReason::ContentFilter(why) => {
                Some(("the model's content filter ended the answer", why))
            }
            StopReason::Refusal(why) => Some(("the model refused to answer", why)),
            StopReason::End | StopReason::ToolUse | StopReason::Length | StopReason::Pause => None,
        };
        if let Some((what, why)) = refused {
            let reason = why
                .as_ref()
                .map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"));
            return self.end(TurnOutcome::Failed { reason }, text_of(&content));
        }
        if calls.is_empty() {
            return match stop {
                StopReason::Length => {
                    let reason = "the answer reached the model's output limit".to_owned();
                    self.end(TurnOutcome::LimitReached { reason }, text_of(&content));
                }
                StopReason::Pause if !content.is_empty() => self.on_more_to_come(content),
                StopReason::End
                | StopReason::ToolUse
                | StopReason::Pause
                | StopReason::ContentFilter(_)
                | StopReason::Refusal(_) => self.on_last_word(content),
            };
        }
        self.say(&text_of(&content));
        self.open_calls(content, calls);
        if *stop == StopReason::Length {
            self.limit("the answer reached the model's output limit".to_owned());
        } else {
            self.check_step_limits();
        }
    }

    /// The model has nothing more to say, unless the person has said something meanwhile.
    fn on_last_word(&mut self, content: Vec<ContentPart>) {
        if self.steers.is_empty() {
            return self.complete(content);
        }
        self.on_more_to_come(content);
    }

    /// What was said is part of the next request.
    fn on_more_to_come(&mut self, content: Vec<ContentPart>) {
        self.say(&text_of(&content));
        if !content.is_empty() {
            self.messages.push(Message::Assistant {
                content,
                tool_calls: Vec::new(),
            });
        }
        self.take_steers();
        self.check_step_limits();
    }

    fn open_calls(&mut self, content: Vec<ContentPart>, mut calls: Vec<ToolCall>) {
        make_ids_unique(&mut calls, self.step);
        let Opening { rules, limits, .. } = &self.opening;
        self.calls = OpenCalls::new(&calls, self.step, rules, limits.step_calls_max);
        self.messages.push(Message::Assistant {
            content,
            tool_calls: calls,
        });
        self.close_step();
    }
}
