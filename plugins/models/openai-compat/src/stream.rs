//! From the bytes of an answer to stream events.

use rivetos_http::{AnswerReader, End, Refusal};
use rivetos_protocol::sse::{Decoder, SseEvent};
use rivetos_types::message::TokenUsage;
use rivetos_types::model::{ModelError, StopReason, StreamEvent};
use serde::Deserialize;

use rivetos_openai::error;

mod calls;

use calls::{CallFragment, Calls};

/// Reads one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamParser {
    decoder: Decoder,
    calls: Calls,
    finish: Option<String>,
    usage: TokenUsage,
    said: bool,
    over: bool,
}

impl StreamParser {
    /// A parser at the start of a body.
    pub fn new() -> Self {
        Self::default()
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
        let mut decoded = Vec::new();
        let fits = self.decoder.push(bytes, &mut decoded);
        for event in decoded {
            if self.over {
                break;
            }
            if let Err(error) = self.event(&event, events) {
                self.over = true;
                return Err(error);
            }
        }
        fits.map_err(|error| self.broken(&error.to_string()))
    }

    fn end(&mut self, end: End, events: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        match (self.over, end, &self.finish) {
            (true, ..) => Ok(()),
            (false, End::Clean, Some(_)) => self.done(events),
            (false, End::Clean, None) => Err(self.broken("the body ended without a finish reason")),
            (false, End::Broken, _) => Err(self.broken("the connection was lost")),
        }
    }
}

impl StreamParser {
    fn event(&mut self, event: &SseEvent, out: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        let data = event.data.trim();
        if data == "[DONE]" {
            return self.done(out);
        }
        if let Some(error) = error::in_stream(data) {
            return Err(error::after(self.said, error));
        }
        let chunk: Chunk = serde_json::from_str(data)
            .map_err(|error| self.broken(&format!("an event cannot be read: {error}")))?;
        if let Some(usage) = chunk.usage {
            self.usage = TokenUsage {
                input: usage.prompt_tokens.unwrap_or(0),
                output: usage.completion_tokens.unwrap_or(0),
                ..TokenUsage::default()
            };
        }
        // More than one choice is never asked for.
        let Some(choice) = chunk.choices.into_iter().flatten().next() else {
            return Ok(());
        };
        if let Some(delta) = choice.delta {
            self.delta(delta, out)?;
        }
        if choice.finish_reason.is_some() {
            self.finish = choice.finish_reason;
        }
        Ok(())
    }

    fn delta(&mut self, delta: Delta, out: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        let text = |text: Option<String>| text.filter(|text| !text.is_empty());
        // Servers that know both names send the same text under both.
        if let Some(text) = text(delta.reasoning_content).or(text(delta.reasoning)) {
            self.said = true;
            out.push(StreamEvent::Reasoning(text));
        }
        for text in [text(delta.content), text(delta.refusal)]
            .into_iter()
            .flatten()
        {
            self.said = true;
            out.push(StreamEvent::Text(text));
        }
        for fragment in delta.tool_calls.into_iter().flatten() {
            self.said = true;
            self.calls
                .add(fragment)
                .map_err(|message| self.broken(message))?;
        }
        Ok(())
    }

    fn done(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        self.over = true;
        let cut_off = match self.finish.as_deref() {
            Some("length") => Some(StopReason::Length),
            Some("content_filter") => Some(StopReason::ContentFilter),
            Some(reason @ ("error" | "insufficient_system_resource")) => {
                return Err(self.broken(&format!("the vendor stopped with `{reason}`")));
            }
            // `stop`, `tool_calls`, `function_call`, and whatever vendors invent.
            Some(_) | None => None,
        };
        let calls = std::mem::take(&mut self.calls).finish(cut_off.is_some());
        let stop = cut_off.unwrap_or(if calls.is_empty() {
            StopReason::End
        } else {
            StopReason::ToolUse
        });
        out.extend(calls.into_iter().map(StreamEvent::ToolCall));
        out.push(StreamEvent::Done {
            stop,
            usage: self.usage,
        });
        Ok(())
    }

    fn broken(&mut self, message: &str) -> ModelError {
        self.over = true;
        ModelError::Incomplete {
            message: message.to_owned(),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    reasoning: Option<String>,
    reasoning_content: Option<String>,
    tool_calls: Option<Vec<CallFragment>>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

#[cfg(test)]
mod tests;
