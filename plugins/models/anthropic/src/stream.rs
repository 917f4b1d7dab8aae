//! From the bytes of an answer to stream events.

use rivetos_http::json::{Text, Word};
use rivetos_http::{AnswerReader, End, Refusal, words};
use rivetos_protocol::sse::Decoder;
use rivetos_types::message::TokenUsage;
use rivetos_types::model::{ModelError, StopReason, StreamEvent};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error;

mod blocks;

use blocks::Blocks;

/// Reads one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamParser {
    decoder: Decoder,
    blocks: Blocks,
    finish: Option<String>,
    /// What the vendor says about a refusal.
    explanation: Option<String>,
    usage: Usage,
    said: bool,
    over: bool,
}

impl StreamParser {
    /// A parser at the start of an answer of `model`, the name that was asked for.
    pub fn new(model: &str) -> Self {
        Self {
            decoder: Decoder::new(),
            blocks: Blocks::new(model),
            finish: None,
            explanation: None,
            usage: Usage::default(),
            said: false,
            over: false,
        }
    }
}

impl AnswerReader for StreamParser {
    fn is_over(&self) -> bool {
        self.over
    }

    fn refused(&self, refusal: &Refusal) -> ModelError {
        error::of_refusal(refusal)
    }

    fn push(&mut self, bytes: &[u8], events: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        if self.over {
            return Ok(());
        }
        let mut decoder = std::mem::take(&mut self.decoder);
        let mut read = Ok(());
        let fits = decoder.each(bytes, |name, data| {
            if !self.over {
                let before = events.len();
                read = self.event(name, data.trim(), events);
                self.said |= events.len() > before;
                self.over |= read.is_err();
            }
        });
        self.decoder = decoder;
        read?;
        fits.map_err(|error| self.broken(&error.to_string()))
    }

    fn end(&mut self, end: End, events: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        match (self.over, end, &self.finish) {
            (true, ..) => Ok(()),
            (false, End::Clean, Some(_)) => {
                self.done(events);
                Ok(())
            }
            (false, End::Clean, None) => Err(self.broken("the body ended without a stop reason")),
            (false, End::Broken, _) => Err(self.broken("the connection was lost")),
        }
    }
}

impl StreamParser {
    fn event(
        &mut self,
        name: &str,
        data: &str,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ModelError> {
        // Gateways end their streams with this, after whatever the vendor said.
        if matches!(data, "" | "[DONE]") {
            return Ok(());
        }
        let event: Event<'_> = match serde_json::from_str(data) {
            Ok(event) => event,
            // What we do not know may look like anything, as long as it says what it is.
            Err(_) if is_unknown(data) => return Ok(()),
            Err(error) => {
                return Err(self.broken(&format!("an event cannot be read: {error}")));
            }
        };
        let index = event.index.unwrap_or(0);
        let read = match event.kind.as_ref().map_or(name, |kind| &kind.0) {
            "content_block_delta" => match event.delta {
                Some(delta) => self.blocks.delta(index, delta, data, out),
                None => Ok(()),
            },
            "content_block_start" => {
                let block = event.content_block.unwrap_or_default();
                self.blocks.start(index, block, out)
            }
            "content_block_stop" => {
                self.blocks.stop(index, out);
                Ok(())
            }
            "message_start" => {
                if let Some(usage) = event.message.and_then(|message| message.usage) {
                    self.usage.update(usage);
                }
                Ok(())
            }
            "message_delta" => {
                if let Some(Delta {
                    stop_reason: Some(reason),
                    stop_details,
                    ..
                }) = event.delta
                {
                    self.finish = Some(reason);
                    self.explanation = stop_details.as_ref().and_then(explained);
                }
                if let Some(usage) = event.usage {
                    self.usage.update(usage);
                }
                Ok(())
            }
            "message_stop" => {
                self.done(out);
                Ok(())
            }
            "error" => return Err(self.failed(data)),
            // `ping`, and whatever the vendor invents.
            _ => Ok(()),
        };
        read.map_err(|message| self.broken(message))
    }

    fn done(&mut self, out: &mut Vec<StreamEvent>) {
        self.over = true;
        let finish = self.finish.take().unwrap_or_default();
        let cut_off = match finish.as_str() {
            "max_tokens" | "model_context_window_exceeded" => Some(StopReason::Length),
            "refusal" => Some(StopReason::Refusal(self.explanation.take())),
            // `end_turn`, `stop_sequence`, `tool_use`, `pause_turn`, and whatever is invented.
            _ => None,
        };
        let calls = self.blocks.finish(cut_off.is_some(), out);
        let stop = cut_off.unwrap_or(match (calls.is_empty(), finish.as_str()) {
            (false, _) => StopReason::ToolUse,
            (true, "pause_turn" | "compaction") => StopReason::Pause,
            (true, _) => StopReason::End,
        });
        out.extend(calls.into_iter().map(StreamEvent::ToolCall));
        out.push(StreamEvent::Done {
            stop,
            usage: self.usage.tokens(),
        });
    }

    /// Trying again is for requests that were not answered yet.
    fn failed(&mut self, data: &str) -> ModelError {
        self.over = true;
        let event = serde_json::from_str(data).unwrap_or(Value::Null);
        match error::in_stream(&event) {
            ModelError::Transient { message, .. } if self.said => {
                ModelError::Incomplete { message }
            }
            error @ (ModelError::Transient { .. }
            | ModelError::Incomplete { .. }
            | ModelError::TooLong { .. }
            | ModelError::ImagesRefused { .. }
            | ModelError::Fatal { .. }) => error,
        }
    }

    fn broken(&mut self, message: &str) -> ModelError {
        self.over = true;
        ModelError::Incomplete {
            message: message.to_owned(),
        }
    }
}

/// Whether an event that cannot be read is of a kind that nobody reads.
fn is_unknown(data: &str) -> bool {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow, rename = "type")]
        kind: Word<'a>,
    }
    let known = [
        "content_block_delta",
        "content_block_start",
        "content_block_stop",
        "message_start",
        "message_delta",
        "message_stop",
        "error",
    ];
    serde_json::from_str(data).is_ok_and(|Named { kind }| !known.contains(&&*kind.0))
}

#[derive(Debug, Deserialize)]
struct Event<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Word<'a>>,
    index: Option<u64>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    content_block: Option<Map<String, Value>>,
    message: Option<Message>,
    usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
struct Delta<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Word<'a>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    signature: Option<String>,
    #[serde(borrow)]
    partial_json: Option<Text<'a>>,
    citation: Option<Value>,
    stop_reason: Option<String>,
    stop_details: Option<Value>,
}

/// Why the vendor's filters ended the answer.
fn explained(details: &Value) -> Option<String> {
    let text = |name: &str| details[name].as_str().filter(|text| !text.is_empty());
    match (text("explanation"), text("category")) {
        (Some(said), Some(category)) => Some(words(&format!("{said} (`{category}`)"))),
        (said, category) => said.or(category).map(words),
    }
}

#[derive(Debug, Deserialize)]
struct Message {
    usage: Option<Usage>,
}

/// Each time it is said, it is said of the whole answer so far; what is not repeated still holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
struct Usage {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

impl Usage {
    fn update(&mut self, newer: Self) {
        *self = Self {
            input_tokens: newer.input_tokens.or(self.input_tokens),
            cache_creation_input_tokens: newer
                .cache_creation_input_tokens
                .or(self.cache_creation_input_tokens),
            cache_read_input_tokens: newer
                .cache_read_input_tokens
                .or(self.cache_read_input_tokens),
            output_tokens: newer.output_tokens.or(self.output_tokens),
            output_tokens_details: newer.output_tokens_details.or(self.output_tokens_details),
        };
    }

    /// The vendor counts what it read anew and what it did not separately.
    fn tokens(self) -> TokenUsage {
        let cache_read = self.cache_read_input_tokens.unwrap_or(0);
        let cache_write = self.cache_creation_input_tokens.unwrap_or(0);
        let input = self.input_tokens.unwrap_or(0);
        let details = self.output_tokens_details;
        let reasoning = details.and_then(|details| details.thinking_tokens);
        TokenUsage {
            input: input.saturating_add(cache_read).saturating_add(cache_write),
            output: self.output_tokens.unwrap_or(0),
            cache_read,
            cache_write,
            reasoning: reasoning.unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests;
