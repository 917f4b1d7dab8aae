//! A conversation as the vendor takes it: roles alternate, the results of all calls of an answer
//! stand in one message, identifiers are unique, and no text is blank.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64;
use rivetos_types::media::MediaType;
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus};
use rivetos_types::model::ModelRequest;
use serde_json::{Map, Value, json};

use super::{Replay, VENDOR};

/// The messages of a request to `model`.
pub(super) fn messages(request: &ModelRequest, model: &str, replay: Replay) -> Vec<Value> {
    let mut wire = Wire::default();
    let mut ids = Ids::default();
    for message in &request.messages {
        match message {
            Message::User { content } => wire.add("user", said(content, request)),
            Message::Tool(result) => wire.add("user", vec![tool_result(result, &ids)]),
            Message::Assistant {
                content,
                tool_calls,
            } => {
                ids.open(tool_calls);
                let calls = tool_calls.iter().map(|call| tool_use(call, &ids));
                let mut answer = Answer::new(calls.collect(), replay);
                for part in content {
                    answer.add(part, model);
                }
                wire.add("assistant", answer.end());
            }
        }
    }
    wire.end()
}

/// Whether a block is thinking, readable or not.
pub(super) fn is_thinking(block: &Value) -> bool {
    matches!(kind(block), "thinking" | "redacted_thinking")
}

fn kind(block: &Value) -> &str {
    block["type"].as_str().unwrap_or_default()
}

#[derive(Default)]
struct Wire {
    messages: Vec<(&'static str, Vec<Value>)>,
}

impl Wire {
    /// Neighbours of one role become one message; one that says nothing is left out.
    fn add(&mut self, role: &'static str, blocks: Vec<Value>) {
        match self.messages.last_mut() {
            _ if blocks.is_empty() => {}
            Some((last, content)) if *last == role => content.extend(blocks),
            Some(_) | None => self.messages.push((role, blocks)),
        }
    }

    fn end(mut self) -> Vec<Value> {
        self.drop_unanswered();
        if let Some(("assistant", content)) = self.messages.last_mut() {
            trim_end(content);
        }
        let mut merged = Self::default();
        for (role, content) in self.messages {
            merged.add(role, content);
        }
        let message = |(role, content)| json!({ "role": role, "content": content });
        merged.messages.into_iter().map(message).collect()
    }

    /// A call that the vendor runs by itself stays open only in an answer that goes on; one that
    /// was stopped in between is refused.
    fn drop_unanswered(&mut self) {
        let blocks = self.messages.iter().flat_map(|(_, content)| content);
        let answered = blocks.filter_map(|block| block["tool_use_id"].as_str());
        let answered: BTreeSet<String> = answered.map(str::to_owned).collect();
        let last = self.messages.len().saturating_sub(1);
        for (at, (role, content)) in self.messages.iter_mut().enumerate() {
            if *role == "assistant" && at != last {
                content.retain(|block| {
                    let open = matches!(kind(block), "server_tool_use" | "mcp_tool_use");
                    let id = block["id"].as_str().unwrap_or_default();
                    !open || answered.contains(id)
                });
            }
        }
    }
}

/// The vendor refuses a conversation that ends with blanks of its own.
fn trim_end(content: &mut [Value]) {
    let Some(last) = content.last_mut().filter(|block| kind(block) == "text") else {
        return;
    };
    let text = last["text"].as_str().unwrap_or_default().trim_end();
    last["text"] = json!(text);
}

/// The identifiers of calls as they are sent: of letters that the vendor takes, and each of them
/// once in a conversation that other vendors may have begun.
#[derive(Default)]
struct Ids {
    used: BTreeSet<String>,
    /// Those of the last answer, by ours.
    open: BTreeMap<String, String>,
}

impl Ids {
    fn open(&mut self, calls: &[ToolCall]) {
        if !calls.is_empty() {
            self.open.clear();
        }
        for call in calls {
            let takes = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            let plain = call.id.replace(|c| !takes(c), "_");
            let mut id = plain.clone();
            let mut times = 1;
            while id.is_empty() || !self.used.insert(id.clone()) {
                times += 1;
                id = format!("{plain}_{times}");
            }
            self.open.insert(call.id.clone(), id);
        }
    }

    fn sent<'a>(&'a self, id: &'a str) -> &'a str {
        self.open.get(id).map_or(id, String::as_str)
    }
}

/// Broken arguments are sent back as none: the vendor takes objects only. What was wrong with
/// them stands in the tool's answer.
fn tool_use(call: &ToolCall, ids: &Ids) -> Value {
    let input: Map<String, Value> = serde_json::from_str(&call.arguments).unwrap_or_default();
    json!({ "type": "tool_use", "id": ids.sent(&call.id), "name": call.name, "input": input })
}

fn tool_result(result: &ToolResult, ids: &Ids) -> Value {
    let mut block = json!({
        "type": "tool_result",
        "tool_use_id": ids.sent(&result.call_id),
        "content": result.content,
    });
    match result.status {
        ToolStatus::Ok => {}
        ToolStatus::Error | ToolStatus::Unknown | ToolStatus::Stopped | ToolStatus::Denied => {
            block["is_error"] = json!(true);
        }
    }
    block
}

fn text(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({ "type": "text", "text": text }))
}

/// Each file that is shown stands behind its description, so that the model can name it to tools.
fn said(content: &[ContentPart], request: &ModelRequest) -> Vec<Value> {
    let mut blocks = Vec::new();
    let mut words = String::new();
    for part in content {
        words.push_str(&part.words());
        if let Some(file) = shown(part, request) {
            blocks.extend(text(&std::mem::take(&mut words)));
            blocks.push(file);
        }
    }
    blocks.extend(text(&words));
    blocks
}

fn shown(part: &ContentPart, request: &ModelRequest) -> Option<Value> {
    let file = part.attachment()?;
    let bytes = request.images.get(&file.digest)?;
    let kind = match file.media {
        MediaType::Png | MediaType::Jpeg | MediaType::Gif | MediaType::Webp => "image",
        MediaType::Pdf => "document",
        MediaType::Ogg
        | MediaType::Mp3
        | MediaType::Wav
        | MediaType::M4a
        | MediaType::Text
        | MediaType::Other => return None,
    };
    let (media, data) = (file.media.name(), BASE64.encode(bytes));
    let source = json!({ "type": "base64", "media_type": media, "data": data });
    Some(json!({ "type": kind, "source": source }))
}

/// An earlier answer, put together again.
struct Answer {
    blocks: Vec<Value>,
    calls: Vec<Value>,
    /// How many of the calls are among the blocks.
    placed: usize,
    replay: Replay,
}

impl Answer {
    fn new(calls: Vec<Value>, replay: Replay) -> Self {
        Self {
            blocks: Vec::new(),
            calls,
            placed: 0,
            replay,
        }
    }

    fn add(&mut self, part: &ContentPart, model: &str) {
        let block = match part {
            ContentPart::Text { .. } | ContentPart::Attachment(_) => {
                return self.blocks.extend(text(&part.words()));
            }
            ContentPart::Vendor(block) => block.read_by(VENDOR, model),
        };
        let Some(block) = block else { return };
        match kind(block) {
            "thinking" | "redacted_thinking" => match self.replay {
                Replay::Thinking => self.blocks.push(block.clone()),
                Replay::NoThinking => {}
            },
            "text" => self.cite(block),
            "call" => self.place(block),
            _ => self.blocks.push(block.clone()),
        }
    }

    /// The words of a text with citations were said before, as plain text, which it replaces. When
    /// they are not the same any more, a secret was taken out of them.
    fn cite(&mut self, cited: &Value) {
        let plain = |block: &&mut Value| kind(block) == "text" && block.get("citations").is_none();
        let Some(last) = self.blocks.last_mut().filter(plain) else {
            return;
        };
        let words = cited["text"].as_str().unwrap_or_default();
        let said = last["text"].as_str().unwrap_or_default();
        let Some(before) = said.strip_suffix(words) else {
            return;
        };
        match text(before) {
            Some(before) => *last = before,
            None => drop(self.blocks.pop()),
        }
        self.blocks.push(cited.clone());
    }

    /// The calls up to this one were made here.
    fn place(&mut self, mark: &Value) {
        let index = mark["index"]
            .as_u64()
            .and_then(|at| usize::try_from(at).ok());
        let Some(index) = index.filter(|at| *at < self.calls.len()) else {
            return;
        };
        if let Some(caller) = mark.get("caller") {
            self.calls[index]["caller"] = caller.clone();
        }
        self.place_until(index + 1);
    }

    fn place_until(&mut self, end: usize) {
        if end > self.placed {
            let calls = &mut self.calls[self.placed..end];
            self.blocks.extend(calls.iter_mut().map(Value::take));
            self.placed = end;
        }
    }

    fn end(mut self) -> Vec<Value> {
        self.place_until(self.calls.len());
        self.blocks
    }
}
