//! From the bytes of a streamed answer to events.

use rivetos_http::{AnswerReader, End, Refusal};
use rivetos_protocol::sse::Decoder;
use rivetos_types::message::VendorBlock;
use rivetos_types::model::{ModelError, ModelRequest, StopReason, StreamEvent};
use rivetos_types::settings::History;
use serde_json::Value;

use crate::error;
use crate::kept::{Block, Kept, digest};
use crate::request::Endpoint;

mod calls;
mod wire;

use calls::{Calls, Place};
use wire::{Event, Item, Response};

/// Reads one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamParser {
    vendor: &'static str,
    model: String,
    /// What was asked, when the vendor is to keep it.
    asked: Option<String>,
    continues: bool,
    decoder: Decoder,
    calls: Calls,
    /// The message whose text came in pieces.
    spoken: Option<Place>,
    items: usize,
    said: bool,
    refused: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Reading,
    Over,
    /// Over, because the vendor does not know the answer that the request goes on from.
    Lost,
}

impl StreamParser {
    /// A parser at the start of the answer to this request.
    pub fn new(endpoint: &Endpoint<'_>, request: &ModelRequest) -> Self {
        let stored = endpoint.history == History::Stored;
        Self {
            vendor: endpoint.vendor,
            model: endpoint.model.to_owned(),
            asked: stored.then(|| digest(&request.system, &request.messages)),
            continues: Kept::of(endpoint, request).is_some(),
            decoder: Decoder::new(),
            calls: Calls::default(),
            spoken: None,
            items: 0,
            said: false,
            refused: false,
            state: State::Reading,
        }
    }

    /// Whether the request goes on from an answer that the vendor keeps.
    pub(crate) fn continues(&self) -> bool {
        self.continues
    }

    /// Whether the vendor said that it does not keep it any more.
    pub(crate) fn lost(&self) -> bool {
        self.state == State::Lost
    }
}

impl AnswerReader for StreamParser {
    fn is_over(&self) -> bool {
        self.state != State::Reading
    }

    fn refused(&self, refusal: &Refusal) -> ModelError {
        error::of_refusal(refusal)
    }

    fn push(&mut self, bytes: &[u8], events: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        if self.is_over() {
            return Ok(());
        }
        let mut decoder = std::mem::take(&mut self.decoder);
        let mut heard = Ok(());
        let fits = decoder.each(bytes, |name, data| {
            if heard.is_ok() && !self.is_over() {
                heard = self.event(name, data, events);
            }
        });
        self.decoder = decoder;
        heard?;
        if self.is_over() {
            return Ok(());
        }
        fits.map_err(|error| self.broken(&error.to_string()))
    }

    fn end(&mut self, end: End, _events: &mut Vec<StreamEvent>) -> Result<(), ModelError> {
        match (self.is_over(), end) {
            (true, _) => Ok(()),
            (false, End::Clean) => Err(self.broken("the body ended before the answer")),
            (false, End::Broken) => Err(self.broken("the connection was lost")),
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
        let data = data.trim();
        if data.is_empty() || data == "[DONE]" {
            return Ok(());
        }
        let mut event: Event<'_> = serde_json::from_str(data)
            .map_err(|error| self.broken(&format!("an event cannot be read: {error}")))?;
        let response = event.response.take();
        match event.name(name) {
            "response.output_text.delta" => {
                self.spoken(&event);
                self.say(event.more().map(String::from), StreamEvent::Text, out);
            }
            "response.refusal.delta" => {
                self.refused = true;
                self.spoken(&event);
                self.say(event.more().map(String::from), StreamEvent::Text, out);
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.say(event.more().map(String::from), StreamEvent::Reasoning, out);
            }
            "response.reasoning_summary_part.added" if event.summary_index > Some(0) => {
                out.push(StreamEvent::Reasoning("\n\n".to_owned()));
            }
            "response.function_call_arguments.delta" => {
                if let Some(more) = event.more() {
                    self.said = true;
                    let added = self.calls.add(event.output_index, event.id(), more);
                    added.map_err(|message| self.broken(message))?;
                }
            }
            "response.output_item.added" => {
                let place = event.place();
                if let Some(Item::FunctionCall(call)) = event.item.as_ref().and_then(Item::of) {
                    self.said = true;
                    let started = self.calls.set(place, call);
                    started.map_err(|message| self.broken(message))?;
                }
            }
            "response.output_item.done" => {
                let place = event.place();
                if let Some(item) = event.item {
                    self.item(place, item, out)?;
                }
            }
            kind @ ("response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.done") => {
                return self.done(kind, response.unwrap_or_default(), out);
            }
            "error" => {
                let (code, said) = event.failure();
                return Err(self.failed(code, said));
            }
            // What is new, and what repeats others.
            _ => {}
        }
        Ok(())
    }

    /// Text of this message comes in pieces.
    fn spoken(&mut self, event: &Event<'_>) {
        let known = self.spoken.as_ref().is_some_and(|place| event.is_at(place));
        if !known {
            self.spoken = Some(event.place());
        }
    }

    fn say(
        &mut self,
        text: Option<String>,
        kind: fn(String) -> StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.said = true;
            out.push(kind(text));
        }
    }

    /// An item is whole. Text that came in pieces is not said again.
    fn item(
        &mut self,
        place: Place,
        item: Value,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ModelError> {
        self.items += 1;
        match Item::of(&item) {
            None => {}
            Some(Item::FunctionCall(call)) => {
                self.said = true;
                let set = self.calls.set(place, call);
                set.map_err(|message| self.broken(message))?;
            }
            Some(Item::Reasoning) => {
                if let Some(item) = wire::sealed(item) {
                    let after_calls = self.calls.before(&place);
                    self.block(&Block::Reasoning { after_calls, item }, out);
                }
            }
            Some(Item::Message(parts)) => {
                if self.spoken.as_ref().is_some_and(|spoken| spoken.is(&place)) {
                    return Ok(());
                }
                for part in parts {
                    self.refused |= part.refusal.is_some();
                    let text = part.text.or(part.refusal);
                    self.say(text, StreamEvent::Text, out);
                }
            }
        }
        Ok(())
    }

    fn done(
        &mut self,
        kind: &str,
        mut response: Response,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ModelError> {
        let status = response.status.take();
        let status = status.as_deref().unwrap_or(match kind {
            "response.incomplete" => "incomplete",
            "response.failed" => "failed",
            _ => "completed",
        });
        if matches!(status, "failed" | "cancelled") || kind == "response.failed" {
            let (code, said) = response.failure();
            return Err(self.failed(code, said));
        }
        // Some endpoints stream nothing but the end.
        if self.items == 0 {
            let items = response.output.take().into_iter().flatten();
            for (at, item) in items.enumerate() {
                self.item(Place::at(at), item, out)?;
            }
        }
        self.state = State::Over;
        let cut_off = (status == "incomplete" || kind == "response.incomplete").then(|| {
            match response.reason() {
                Some("content_filter") => StopReason::ContentFilter(None),
                _ => StopReason::Length,
            }
        });
        let whole = cut_off.is_none();
        let calls = std::mem::take(&mut self.calls).finish(!whole);
        let stop = cut_off.unwrap_or(match (calls.is_empty(), self.refused) {
            (false, _) => StopReason::ToolUse,
            // Why, it has said in the answer.
            (true, true) => StopReason::Refusal(None),
            (true, false) => StopReason::End,
        });
        let usage = response.usage();
        if whole
            && response.store != Some(false)
            && let (Some(id), Some(asked)) = (response.id, self.asked.take())
        {
            let calls = calls.iter().map(|call| call.id.clone()).collect();
            self.block(&Block::Response { id, asked, calls }, out);
        }
        out.extend(calls.into_iter().map(StreamEvent::ToolCall));
        out.push(StreamEvent::Done { stop, usage });
        Ok(())
    }

    fn block(&self, block: &Block, out: &mut Vec<StreamEvent>) {
        if let Ok(block) = serde_json::to_value(block) {
            out.push(StreamEvent::Vendor(VendorBlock {
                vendor: self.vendor.to_owned(),
                model: self.model.clone(),
                block,
            }));
        }
    }

    fn failed(&mut self, code: Option<String>, said: Option<String>) -> ModelError {
        self.state = State::Over;
        let code = code.unwrap_or_default();
        let said = said.unwrap_or_else(|| "the vendor failed".to_owned());
        if error::names_lost(&code, &said) {
            self.state = State::Lost;
        }
        error::after(self.said, error::of_words(&code, &said))
    }

    fn broken(&mut self, message: &str) -> ModelError {
        self.state = State::Over;
        ModelError::Incomplete {
            message: message.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
