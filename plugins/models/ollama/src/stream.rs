//! From the bytes of an answer to stream events.

use rivetos_http::json::said;
use rivetos_http::{AnswerReader, End, Refusal};
use rivetos_types::message::{TokenUsage, ToolCall};
use rivetos_types::model::{ModelError, StopReason, StreamEvent};
use serde::Deserialize;
use serde_json::Value;

use crate::block::thought;
use crate::error;
use crate::lines::{Lines, TooLong};

/// Calls in one answer.
const CALLS_MAX: usize = 128;

/// Thoughts past this are not kept for the next request, in bytes.
const THOUGHTS_BYTES_MAX: usize = 1024 * 1024;

/// Reads one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamParser {
    model: String,
    lines: Lines,
    /// What was thought so far: the model wants it back with the results of its calls.
    thoughts: String,
    calls: usize,
    said: bool,
    over: bool,
}

impl StreamParser {
    /// A parser at the start of an answer of `model`.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            lines: Lines::default(),
            thoughts: String::new(),
            calls: 0,
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
        let mut bytes = bytes;
        while !self.over {
            let line = self.lines.push(&mut bytes);
            let line = line.map_err(|TooLong| self.broken("a line of the answer is too long"))?;
            let Some(line) = line else {
                break;
            };
            let read = self.line(&line, events);
            self.lines.done(line);
            read?;
        }
        Ok(())
    }

    fn end(&mut self, end: End, events: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        if !self.over && end == End::Clean {
            // The last line need not have an end of its own.
            let line = self.lines.rest();
            self.line(&line, events)?;
        }
        match (self.over, end) {
            (true, _) => Ok(()),
            (false, End::Clean) => Err(self.broken("the body ended before the answer")),
            (false, End::Broken) => Err(self.broken("the connection was lost")),
        }
    }
}

impl StreamParser {
    fn line(&mut self, line: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_slice(line)
            .map_err(|error| self.broken(&format!("a line cannot be read: {error}")))?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            self.over = true;
            return Err(self.failed(error::in_stream(&error)));
        }
        if let Some(message) = chunk.message {
            self.message(message, out)?;
        }
        if chunk.done == Some(true) {
            let usage = TokenUsage {
                input: chunk.prompt_eval_count.unwrap_or(0),
                output: chunk.eval_count.unwrap_or(0),
                ..TokenUsage::default()
            };
            return self.done(chunk.done_reason.as_deref(), usage, out);
        }
        Ok(())
    }

    fn message(&mut self, said: Said, out: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        let text = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(thought) = text(said.thinking) {
            self.said = true;
            if self.thoughts.len() + thought.len() <= THOUGHTS_BYTES_MAX {
                self.thoughts.push_str(&thought);
            }
            out.push(StreamEvent::Reasoning(thought));
        }
        if let Some(text) = text(said.content) {
            self.said = true;
            out.push(StreamEvent::Text(text));
        }
        for call in said.tool_calls.into_iter().flatten() {
            self.said = true;
            if self.calls == CALLS_MAX {
                return Err(self.broken("more tool calls than are possible in one answer"));
            }
            out.push(StreamEvent::ToolCall(call.named(self.calls)));
            self.calls += 1;
        }
        Ok(())
    }

    fn done(
        &mut self,
        reason: Option<&str>,
        usage: TokenUsage,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ModelError> {
        let stop = match reason {
            Some("length") => StopReason::Length,
            Some(reason @ ("load" | "unload")) => {
                return Err(self.broken(&format!("the server answered nothing but `{reason}`")));
            }
            // `stop`, and whatever servers invent.
            Some(_) | None if self.calls > 0 => StopReason::ToolUse,
            Some(_) | None => StopReason::End,
        };
        self.over = true;
        let thoughts = std::mem::take(&mut self.thoughts);
        if self.calls > 0 && !thoughts.is_empty() {
            out.push(StreamEvent::Vendor(thought(&self.model, &thoughts)));
        }
        out.push(StreamEvent::Done { stop, usage });
        Ok(())
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

#[derive(Debug, Deserialize)]
struct Chunk {
    error: Option<Value>,
    message: Option<Said>,
    done: Option<bool>,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Said {
    #[serde(default, deserialize_with = "said")]
    content: Option<String>,
    #[serde(default, deserialize_with = "said")]
    thinking: Option<String>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Debug, Deserialize)]
struct Call {
    id: Option<String>,
    function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    /// An object; some servers send it as text.
    arguments: Option<Value>,
}

impl Call {
    /// The call, by its place where it has no name.
    fn named(self, index: usize) -> ToolCall {
        let Function { name, arguments } = self.function;
        let arguments = match arguments {
            None | Some(Value::Null) => "{}".to_owned(),
            Some(Value::String(text)) => text,
            Some(
                other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)),
            ) => other.to_string(),
        };
        let id = self.id.filter(|id| !id.is_empty());
        ToolCall {
            id: id.unwrap_or_else(|| format!("call_{index}")),
            name,
            arguments,
        }
    }
}

#[cfg(test)]
mod tests;
