//! From the bytes of an answer to stream events.
//!
//! The protocol has no terminal event, and a finish reason is not always the last: an answer in
//! which the vendor runs code has one before each result. An answer is whole when the body ends
//! cleanly and nothing was said after the last finish reason.

use rivetos_http::{AnswerReader, End, Refusal};
use rivetos_protocol::sse::Decoder;
use rivetos_types::message::{TokenUsage, ToolCall};
use rivetos_types::model::{ModelError, StopReason, StreamEvent};
use serde_json::{Map, Value};

use crate::block::Block;
use crate::error;

mod finish;
mod wire;

use finish::{Finish, block_reason, finish_reason};
use wire::{Chunk, Part, Usage};

/// Calls in one answer.
const CALLS_MAX: usize = 128;

/// Reads one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamParser {
    model: String,
    decoder: Decoder,
    calls: usize,
    finish: Option<Finish>,
    usage: TokenUsage,
    said: bool,
    over: bool,
}

impl StreamParser {
    /// A parser at the start of an answer of `model`.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            decoder: Decoder::new(),
            calls: 0,
            finish: None,
            usage: TokenUsage::default(),
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
        let fits = decoder.each(bytes, |_, data| {
            if !self.over {
                read = self.event(data.trim(), events);
                self.over |= read.is_err();
            }
        });
        self.decoder = decoder;
        read?;
        fits.map_err(|error| self.broken(&error.to_string()))
    }

    fn end(&mut self, end: End, events: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        match (self.over, end, self.finish.take()) {
            (true, ..) => Ok(()),
            (false, End::Clean, Some(finish)) => {
                self.done(finish, events);
                Ok(())
            }
            (false, End::Clean, None) => Err(self.broken("the body ended without a finish reason")),
            (false, End::Broken, _) => Err(self.broken("the connection was lost")),
        }
    }
}

impl StreamParser {
    fn event(&mut self, data: &str, out: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        // The vendor sends neither; gateways in front of it do.
        if data.is_empty() || data == "[DONE]" {
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_str(data)
            .map_err(|error| self.broken(&format!("an event cannot be read: {error}")))?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(self.failed(error::in_stream(&error)));
        }
        if let Some(usage) = chunk.usage_metadata {
            self.usage = counted(&usage);
        }
        if let Some(finish) = chunk.prompt_feedback.as_ref().and_then(block_reason) {
            self.finish = Some(finish);
        }
        // More than one candidate is never asked for.
        let Some(candidate) = chunk.candidates.into_iter().flatten().next() else {
            return Ok(());
        };
        let parts = candidate.content.and_then(|content| content.parts);
        for part in parts.into_iter().flatten() {
            self.part(part, out)?;
        }
        let Some(reason) = candidate.finish_reason else {
            return Ok(());
        };
        let said = candidate.finish_message.as_deref();
        match finish_reason(&reason, said, candidate.safety_ratings.as_ref()) {
            Ok(finish) => {
                self.finish = finish.or(self.finish.take());
                Ok(())
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn part(&mut self, part: Part, out: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        if let Some(call) = part.call {
            return self.call(call, part.signature, out);
        }
        let block = if !part.rest.is_empty() {
            Some(Block::Part(whole(&part)))
        } else if part.thought {
            let block = part.signature.is_some().then(|| Block::Part(whole(&part)));
            self.say(StreamEvent::Reasoning(part.text), out);
            block
        } else {
            let bytes = part.text.len();
            self.say(StreamEvent::Text(part.text), out);
            let signed = part.signature;
            signed.map(|signature| Block::Text { bytes, signature })
        };
        if let Some(block) = block {
            self.keep(block, out);
        }
        Ok(())
    }

    fn call(
        &mut self,
        mut call: Map<String, Value>,
        signature: Option<String>,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ModelError> {
        let index = self.calls;
        if index == CALLS_MAX {
            return Err(self.broken("more tool calls than are possible in one answer"));
        }
        self.calls += 1;
        let id = taken(&mut call, "id");
        if id.is_some() || signature.is_some() {
            let id = id.clone();
            self.keep(
                Block::Call {
                    index,
                    id,
                    signature,
                },
                out,
            );
        }
        let arguments = match call.remove("args") {
            None | Some(Value::Null) => "{}".to_owned(),
            Some(arguments) => arguments.to_string(),
        };
        let call = ToolCall {
            id: id.unwrap_or_else(|| format!("call_{index}")),
            name: taken(&mut call, "name").unwrap_or_default(),
            arguments,
        };
        self.say(StreamEvent::ToolCall(call), out);
        Ok(())
    }

    fn say(&mut self, event: StreamEvent, out: &mut Vec<StreamEvent>) {
        if let StreamEvent::Text(text) | StreamEvent::Reasoning(text) = &event
            && text.is_empty()
        {
            return;
        }
        self.said = true;
        self.finish = None;
        out.push(event);
    }

    fn keep(&mut self, block: Block, out: &mut Vec<StreamEvent>) {
        if let Block::Call { .. } | Block::Part(_) = block {
            self.said = true;
            self.finish = None;
        }
        out.extend(block.said_by(&self.model).map(StreamEvent::Vendor));
    }

    fn done(&mut self, finish: Finish, out: &mut Vec<StreamEvent>) {
        self.over = true;
        let stop = match finish {
            Finish::Said if self.calls > 0 => StopReason::ToolUse,
            Finish::Said => StopReason::End,
            Finish::Length => StopReason::Length,
            Finish::Filtered(why) => StopReason::ContentFilter(Some(why)),
        };
        out.push(StreamEvent::Done {
            stop,
            usage: self.usage,
        });
    }

    /// Trying again is for requests that were not answered yet.
    fn failed(&self, error: ModelError) -> ModelError {
        match error {
            ModelError::Transient { message, .. } if self.said => {
                ModelError::Incomplete { message }
            }
            ModelError::Transient { .. }
            | ModelError::Incomplete { .. }
            | ModelError::TooLong { .. }
            | ModelError::ImagesRefused { .. }
            | ModelError::Fatal { .. } => error,
        }
    }

    fn broken(&mut self, message: &str) -> ModelError {
        self.over = true;
        ModelError::Incomplete {
            message: message.to_owned(),
        }
    }
}

/// A text that says something.
fn taken(map: &mut Map<String, Value>, key: &str) -> Option<String> {
    match map.remove(key) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(_) | None => None,
    }
}

/// A part as it came.
fn whole(part: &Part) -> Map<String, Value> {
    let mut whole = part.rest.clone();
    if !part.text.is_empty() {
        whole.insert("text".into(), part.text.clone().into());
    }
    if part.thought {
        whole.insert("thought".into(), true.into());
    }
    if let Some(signature) = &part.signature {
        whole.insert("thoughtSignature".into(), signature.clone().into());
    }
    whole
}

/// Each event counts everything so far. What the vendor's own tools read is input, thoughts are
/// output; the cached tokens are among those of the prompt.
fn counted(usage: &Usage) -> TokenUsage {
    let count = |tokens: Option<u64>| tokens.unwrap_or(0);
    let prompt = count(usage.prompt_token_count);
    let thoughts = count(usage.thoughts_token_count);
    TokenUsage {
        input: prompt.saturating_add(count(usage.tool_use_prompt_token_count)),
        output: count(usage.candidates_token_count).saturating_add(thoughts),
        cache_read: count(usage.cached_content_token_count),
        cache_write: 0,
        reasoning: thoughts,
    }
}

#[cfg(test)]
mod tests;
