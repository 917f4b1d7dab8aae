//! The blocks of an answer, put together from their pieces.

use rivetos_types::message::{ToolCall, VendorBlock};
use rivetos_types::model::StreamEvent;
use serde_json::{Map, Value, json};

use super::Delta;
use crate::request::VENDOR;

/// Blocks that are open at the same time.
const OPEN_MAX: usize = 16;

/// Calls in one answer.
const CALLS_MAX: usize = 128;

/// What is kept of one answer, in bytes.
const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The blocks so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocks {
    model: String,
    open: Vec<Block>,
    calls: Vec<ToolCall>,
    /// How many of the calls have a mark at their place.
    marked: usize,
    kept_bytes: usize,
}

/// A block that is not whole yet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    index: u64,
    kind: Kind,
    /// As it began.
    start: Map<String, Value>,
    /// Text or thinking.
    words: String,
    signature: String,
    /// JSON text.
    input: String,
    citations: Vec<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Call,
    Other,
}

impl Blocks {
    pub(super) fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            open: Vec::new(),
            calls: Vec::new(),
            marked: 0,
            kept_bytes: 0,
        }
    }

    /// A block begins. The error says which bound it broke.
    pub(super) fn start(
        &mut self,
        index: u64,
        mut start: Map<String, Value>,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), &'static str> {
        self.stop(index, out);
        let kind = match start.get("type").and_then(Value::as_str) {
            Some("text") => Kind::Text,
            Some("thinking") => Kind::Thinking,
            Some("tool_use") => Kind::Call,
            Some(_) | None => Kind::Other,
        };
        if kind != Kind::Call {
            // What follows a call is to follow it again.
            self.mark(self.calls.len(), out);
        }
        let words = match kind {
            Kind::Text => take_text(&mut start, "text"),
            Kind::Thinking => take_text(&mut start, "thinking"),
            Kind::Call | Kind::Other => String::new(),
        };
        let signature = match kind {
            Kind::Thinking => take_text(&mut start, "signature"),
            Kind::Text | Kind::Call | Kind::Other => String::new(),
        };
        let citations = match start.remove("citations") {
            Some(Value::Array(citations)) => citations,
            Some(_) | None => Vec::new(),
        };
        self.keep(Value::Object(start.clone()).to_string().len())?;
        self.keep(words.len())?;
        match kind {
            Kind::Text => say(words.clone(), out),
            Kind::Thinking => think(words.clone(), out),
            Kind::Call | Kind::Other => {}
        }
        if self.open.len() >= OPEN_MAX || self.calls.len() >= CALLS_MAX {
            return Err("more blocks than are possible in one answer");
        }
        self.open.push(Block {
            index,
            kind,
            start,
            words,
            signature,
            input: String::new(),
            citations,
        });
        Ok(())
    }

    /// More of a block; `data` is the whole event. The error says which bound it broke.
    pub(super) fn delta(
        &mut self,
        index: u64,
        delta: Delta<'_>,
        data: &str,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), &'static str> {
        self.keep(data.len())?;
        let Some(block) = self.open.iter_mut().find(|block| block.index == index) else {
            return Ok(());
        };
        match delta.kind.as_ref().map_or("", |kind| &kind.0) {
            "text_delta" => {
                let text = delta.text.map(String::from).unwrap_or_default();
                block.words.push_str(&text);
                say(text, out);
            }
            "thinking_delta" => {
                let thinking = delta.thinking.map(String::from).unwrap_or_default();
                block.words.push_str(&thinking);
                think(thinking, out);
            }
            "signature_delta" => {
                block.signature = delta.signature.unwrap_or_default();
            }
            "input_json_delta" => {
                if let Some(json) = delta.partial_json {
                    json.append_to(&mut block.input);
                }
            }
            "citations_delta" => block.citations.extend(delta.citation),
            _ => block.grow(data),
        }
        Ok(())
    }

    /// A block is whole.
    pub(super) fn stop(&mut self, index: u64, out: &mut Vec<StreamEvent>) {
        let Some(at) = self.open.iter().position(|block| block.index == index) else {
            return;
        };
        let mut block = self.open.remove(at);
        match block.kind {
            Kind::Text if block.citations.is_empty() => {}
            Kind::Text => {
                block.start.insert("text".into(), block.words.into());
                block
                    .start
                    .insert("citations".into(), block.citations.into());
                out.push(self.vendor(block.start.into()));
            }
            // Unsigned thinking is not taken back.
            Kind::Thinking if block.signature.is_empty() => {}
            Kind::Thinking => {
                block.start.insert("thinking".into(), block.words.into());
                block
                    .start
                    .insert("signature".into(), block.signature.into());
                out.push(self.vendor(block.start.into()));
            }
            Kind::Call => self.call(block, out),
            Kind::Other => {
                if let Ok(input @ Value::Object(_)) = serde_json::from_str(&block.input) {
                    block.start.insert("input".into(), input);
                }
                out.push(self.vendor(block.start.into()));
            }
        }
    }

    /// The calls of the whole answer. Of one that was cut off only those whose arguments are whole:
    /// half a command must not run.
    pub(super) fn finish(&mut self, cut_off: bool, out: &mut Vec<StreamEvent>) -> Vec<ToolCall> {
        while let Some(block) = self.open.first() {
            self.stop(block.index, out);
        }
        let mut calls = std::mem::take(&mut self.calls);
        while let Some(last) = calls.last() {
            let whole = serde_json::from_str::<Map<String, Value>>(&last.arguments).is_ok();
            if !cut_off || whole {
                break;
            }
            calls.pop();
        }
        calls
    }

    fn call(&mut self, block: Block, out: &mut Vec<StreamEvent>) {
        let Block {
            mut start, input, ..
        } = block;
        let given = start.remove("input").unwrap_or_default();
        let arguments = match (input.trim().is_empty(), given) {
            (false, _) => input,
            // Not streamed: the object stands in the first event.
            (true, given @ Value::Object(_)) => given.to_string(),
            (true, _) => "{}".to_owned(),
        };
        self.calls.push(ToolCall {
            id: take_text(&mut start, "id"),
            name: take_text(&mut start, "name"),
            arguments,
        });
        let direct = |caller: &Value| caller["type"] == "direct";
        if let Some(caller) = start.remove("caller").filter(|caller| !direct(caller)) {
            let last = self.calls.len() - 1;
            self.mark(last, out);
            let mark = json!({ "type": "call", "index": last, "caller": caller });
            out.push(self.vendor(mark));
            self.marked = self.calls.len();
        }
    }

    /// Says of the first `count` calls that they stand before what comes next.
    fn mark(&mut self, count: usize, out: &mut Vec<StreamEvent>) {
        if count > self.marked {
            out.push(self.vendor(json!({ "type": "call", "index": count - 1 })));
            self.marked = count;
        }
    }

    fn vendor(&self, block: Value) -> StreamEvent {
        StreamEvent::Vendor(VendorBlock {
            vendor: VENDOR.to_owned(),
            model: self.model.clone(),
            block,
        })
    }

    fn keep(&mut self, bytes: usize) -> Result<(), &'static str> {
        self.kept_bytes += bytes;
        if self.kept_bytes > KEPT_BYTES_MAX {
            return Err("the answer is too long");
        }
        Ok(())
    }
}

impl Block {
    /// Pieces of a kind that we do not know make the fields of their names longer.
    fn grow(&mut self, data: &str) {
        let event: Value = serde_json::from_str(data).unwrap_or_default();
        for (name, piece) in event["delta"].as_object().into_iter().flatten() {
            let field = self.start.entry(name.clone()).or_insert(Value::Null);
            match (name.as_str(), field, piece) {
                ("type", ..) => {}
                (_, Value::String(field), Value::String(piece)) => field.push_str(piece),
                (_, field, piece) => *field = piece.clone(),
            }
        }
    }
}

fn say(text: String, out: &mut Vec<StreamEvent>) {
    if !text.is_empty() {
        out.push(StreamEvent::Text(text));
    }
}

fn think(thinking: String, out: &mut Vec<StreamEvent>) {
    if !thinking.is_empty() {
        out.push(StreamEvent::Reasoning(thinking));
    }
}

fn take_text(fields: &mut Map<String, Value>, name: &str) -> String {
    match fields.remove(name) {
        Some(Value::String(text)) => text,
        Some(_) | None => String::new(),
    }
}
