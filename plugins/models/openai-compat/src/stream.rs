//! From the bytes of an answer to stream events.

use rivetos_http::json::Text;
use rivetos_http::{AnswerReader, End, Refusal, words};
use rivetos_protocol::sse::Decoder;
use rivetos_types::message::{TokenUsage, VendorBlock};
use rivetos_types::model::{ModelError, StopReason, StreamEvent};

use rivetos_openai::error;

mod calls;
mod replay;
mod think;
mod wire;

use calls::Calls;
use replay::Reasoning;
use think::Thinking;
use wire::{Choice, Chunk, Delta};

/// The kind of this provider, on the blocks that it wrote.
pub(crate) const VENDOR: &str = "openai-compat";

/// Reads one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamParser {
    model: String,
    decoder: Decoder,
    thinking: Thinking,
    reasoning: Reasoning,
    calls: Calls,
    finish: Option<String>,
    /// What a filter found, or what the vendor behind the endpoint says about its refusal.
    found: Option<String>,
    cut: bool,
    usage: TokenUsage,
    heard: Heard,
    over: bool,
}

/// What has come of the answer so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Heard {
    words: bool,
    refusal: bool,
}

impl StreamParser {
    /// A parser at the start of the answer of `model`.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            ..Self::default()
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
        let mut heard = Ok(());
        let fits = decoder.each(bytes, |_, data| {
            if heard.is_ok() && !self.over {
                heard = self.event(data, events);
            }
        });
        self.decoder = decoder;
        heard?;
        if self.over {
            return Ok(());
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
    fn event(&mut self, data: &str, out: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        let data = data.trim();
        if data == "[DONE]" {
            return self.done(out);
        }
        if let Some(error) = error::in_stream(data) {
            self.over = true;
            return Err(error::after(self.heard.words, error));
        }
        let chunk: Chunk<'_> = serde_json::from_str(data)
            .map_err(|error| self.broken(&format!("an event cannot be read: {error}")))?;
        if let Some(usage) = chunk.usage {
            self.usage = usage.tokens();
        }
        let Some(choice) = chunk.choices.into_iter().flatten().next() else {
            return Ok(());
        };
        self.cut |= choice.is_cut();
        let Choice {
            delta,
            finish_reason,
            native_finish_reason,
            content_filter_results,
        } = choice;
        let filtered = content_filter_results.and_then(|filters| filters.found);
        self.found = filtered.or(native_finish_reason).or(self.found.take());
        if let Some(delta) = delta {
            self.delta(delta, out)?;
        }
        if finish_reason.is_some() {
            self.finish = finish_reason;
        }
        Ok(())
    }

    fn delta(&mut self, delta: Delta<'_>, out: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        let text = |text: Option<Text<'_>>| text.filter(|text| !text.is_empty()).map(String::from);
        let thought = text(delta.reasoning_content).inspect(|text| self.reasoning.add(text));
        // Servers that know both names send the same text under both.
        if let Some(text) = thought.or(text(delta.reasoning)) {
            self.heard.words = true;
            out.push(StreamEvent::Reasoning(text));
        }
        for piece in delta.reasoning_details.into_iter().flatten() {
            self.reasoning.detail(piece);
        }
        if let Some(text) = text(delta.content) {
            let before = out.len();
            self.thinking.push(text, out);
            self.heard.words |= out.len() > before;
        }
        if let Some(text) = text(delta.refusal) {
            self.heard.words = true;
            self.heard.refusal = true;
            out.push(StreamEvent::Text(text));
        }
        for fragment in delta.tool_calls.into_iter().flatten() {
            self.heard.words = true;
            self.calls
                .add(fragment)
                .map_err(|message| self.broken(message))?;
        }
        Ok(())
    }

    fn done(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        self.over = true;
        self.thinking.end(out);
        let cut_off = match self.finish.as_deref() {
            Some("length" | "max_tokens" | "model_context_window_exceeded") => {
                Some(StopReason::Length)
            }
            Some("content_filter") => {
                // It says no more than the endpoint itself.
                let found = self.found.take().filter(|found| found != "content_filter");
                Some(StopReason::ContentFilter(found.as_deref().map(words)))
            }
            Some(reason @ ("error" | "insufficient_system_resource")) => {
                return Err(self.broken(&format!("the vendor stopped with `{reason}`")));
            }
            Some("refusal") => {
                self.heard.refusal = true;
                None
            }
            // The endpoint says `tool_calls`, the vendor behind it that there was more to come.
            _ if self.cut && !self.calls.are_whole() => Some(StopReason::Length),
            // `stop`, `tool_calls`, `function_call`, and whatever vendors invent.
            Some(_) | None => None,
        };
        let calls = std::mem::take(&mut self.calls).finish(cut_off.is_some());
        let stop = cut_off.unwrap_or(match (calls.is_empty(), self.heard.refusal) {
            (false, _) => StopReason::ToolUse,
            // Why, it has said in the answer.
            (true, true) => StopReason::Refusal(None),
            (true, false) => StopReason::End,
        });
        let reasoning = std::mem::take(&mut self.reasoning).members();
        if let Some(block) = reasoning.filter(|_| !calls.is_empty()) {
            out.push(StreamEvent::Vendor(VendorBlock {
                vendor: VENDOR.to_owned(),
                model: std::mem::take(&mut self.model),
                block,
            }));
        }
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

#[cfg(test)]
mod tests;
