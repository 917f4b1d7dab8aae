//! An answer of a model while it comes.

use std::time::Instant;

use futures_util::StreamExt;
use rivetos_core::redact::Pieces;
use rivetos_core::turn::Abort;
use rivetos_types::BoxStream;
use rivetos_types::intake::TurnEvent;
use rivetos_types::message::{ContentPart, TokenUsage, ToolCall, VendorBlock, text_of};
use rivetos_types::model::{ModelError, StopReason, StreamEvent};

use super::feed::Feed;
use super::state::State;

/// What came of an answer so far; still there when the request is dropped in the middle.
#[derive(Default)]
pub(super) struct Answer {
    /// Without secrets, as far as it is shown.
    pub(super) content: Vec<ContentPart>,
    saying: Pieces,
    thinking: Pieces,
    pub(super) calls: Vec<ToolCall>,
    /// Reasoning and arguments included.
    bytes: usize,
}

impl Answer {
    /// Nothing follows: what was held back is shown too.
    pub(super) fn end(&mut self, state: &State, feed: &Feed) {
        self.end_reasoning(state, feed);
        let text = self.saying.end(&state.parts.redactor);
        self.show(feed, text);
    }

    /// Whether nothing of it has come yet.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Takes what comes, to its end. An error of the outer kind: the model does not stop writing.
    pub(super) async fn read(
        &mut self,
        state: &State,
        feed: &Feed,
        mut stream: BoxStream<'_, Result<StreamEvent, ModelError>>,
    ) -> Result<Result<(StopReason, TokenUsage), ModelError>, Abort> {
        let mut asked = Some(Instant::now());
        while let Some(event) = stream.next().await {
            let event = match event {
                Ok(event) => event,
                Err(error) => return Ok(Err(error)),
            };
            if let Some(asked) = asked.take() {
                state.metrics.first_byte_time.observe(asked.elapsed());
            }
            match event {
                StreamEvent::Text(text) => self.say(state, feed, &text),
                StreamEvent::Reasoning(text) => self.think(state, feed, &text),
                StreamEvent::ToolCall(call) => {
                    self.bytes += call.name.len() + call.arguments.len();
                    self.calls.push(call);
                }
                StreamEvent::Vendor(block) => self.keep(state, feed, block),
                StreamEvent::Done { stop, usage } => return Ok(Ok((stop, usage))),
            }
            if self.bytes > state.parts.limits.answer_bytes_max {
                return Err(Abort::AnswerBytes);
            }
        }
        Ok(Err(ModelError::Incomplete {
            message: "the stream ended without a word".to_owned(),
        }))
    }

    /// What was said.
    pub(super) fn text(&self) -> String {
        text_of(&self.content)
    }

    fn keep(&mut self, state: &State, feed: &Feed, block: VendorBlock) {
        self.end(state, feed);
        self.bytes += block.block.to_string().len();
        self.content.push(ContentPart::Vendor(block));
    }

    fn say(&mut self, state: &State, feed: &Feed, piece: &str) {
        self.end_reasoning(state, feed);
        self.bytes += piece.len();
        let text = self.saying.push(&state.parts.redactor, piece);
        self.show(feed, text);
    }

    fn show(&mut self, feed: &Feed, more: String) {
        if more.is_empty() {
            return;
        }
        let is_text = |part: &ContentPart| matches!(part, ContentPart::Text { .. });
        feed.text(&more, !self.content.iter().any(is_text));
        if let Some(ContentPart::Text { text }) = self.content.last_mut() {
            text.push_str(&more);
        } else {
            self.content.push(ContentPart::text(more));
        }
    }

    fn think(&mut self, state: &State, feed: &Feed, piece: &str) {
        self.bytes += piece.len();
        reason(feed, self.thinking.push(&state.parts.redactor, piece));
    }

    fn end_reasoning(&mut self, state: &State, feed: &Feed) {
        reason(feed, self.thinking.end(&state.parts.redactor));
    }
}

fn reason(feed: &Feed, text: String) {
    if !text.is_empty() {
        feed.event(TurnEvent::Reasoning { text });
    }
}
