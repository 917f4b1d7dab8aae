//! A conversation as the vendor takes it: roles alternate, the results of all calls of an answer
//! stand in one message, identifiers are unique, and no text is blank.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64;
use rivetos_types::media::MediaType;
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus};
use rivetos_types::model::ModelRequest;
use serde_json::{Map, Value, json};

use super::VENDOR;

/// The conversation of a request to `model`.
pub(super) fn conversation(request: &ModelRequest, model: &str) -> Wire {
    let mut wire = Wire::default();
    let mut ids = Ids::default();
    for message in request.messages.iter() {
        match message {
            Message::User { content } => wire.add("user", said(content, request)),
            Message::Tool(result) => wire.add("user", vec![tool_result(result, &ids)]),
            Message::Assistant {
                content,
                tool_calls,
            } => {
                ids.open(tool_calls);
                let calls = tool_calls.iter().map(|call| tool_use(call, &ids));
                let mut answer = Answer::new(calls.collect());
                for part in content {
                    answer.add(part, model);
                }
                wire.add("assistant", answer.end());
            }
        }
    }
    wire.drop_halves();
    wire.tidied()
}

/// Whether a block is thinking, readable or not.
fn is_thinking(block: &Value) -> bool {
    matches!(kind(block), "thinking" | "redacted_thinking")
}

fn kind(block: &Value) -> &str {
    block["type"].as_str().unwrap_or_default()
}

/// Messages, as far as they are made.
#[derive(Default)]
pub(super) struct Wire {
    messages: Vec<(&'static str, Vec<Value>)>,
}

impl Wire {
    /// Whether the last answer is one that a thinking model may have given: its calls are preceded
    /// by thinking, or there are none.
    pub(super) fn goes_on_thinking(&self) -> bool {
        let mut answers = self.messages.iter().rev();
        let last = answers.find(|(role, _)| *role == "assistant");
        last.is_none_or(|(_, content)| {
            let calls = content.iter().any(|block| kind(block) == "tool_use");
            !calls || content.first().is_some_and(is_thinking)
        })
    }

    /// The same without what the model thought.
    pub(super) fn without_thinking(mut self) -> Self {
        for (_, content) in &mut self.messages {
            content.retain(|block| !is_thinking(block));
        }
        self.tidied()
    }

    /// As they are sent.
    pub(super) fn end(mut self) -> Vec<Value> {
        if let Some(("assistant", content)) = self.messages.last_mut() {
            trim_end(content);
        }
        let message = |(role, content)| json!({ "role": role, "content": content });
        self.messages.into_iter().map(message).collect()
    }

    /// Neighbours of one role become one message; one that says nothing is left out.
    fn add(&mut self, role: &'static str, blocks: Vec<Value>) {
        match self.messages.last_mut() {
            _ if blocks.is_empty() => {}
            Some((last, content)) if *last == role => content.extend(blocks),
            Some(_) | None => self.messages.push((role, blocks)),
        }
    }

    fn tidied(self) -> Self {
        let mut tidied = Self::default();
        for (role, mut content) in self.messages {
            // Of an answer that was stopped; the vendor wants to see something after it.
            while role == "assistant" && content.last().is_some_and(is_thinking) {
                content.pop();
            }
            tidied.add(role, content);
        }
        tidied
    }

    /// A call that the vendor runs by itself and its result go together. Only in an answer that
    /// goes on a call may be open; one that was stopped in between is refused.
    fn drop_halves(&mut self) {
        let ids = |name: &str| -> BTreeSet<String> {
            let blocks = self.messages.iter().flat_map(|(_, content)| content);
            let ids = blocks.filter_map(|block| block[name].as_str());
            ids.map(str::to_owned).collect()
        };
        let (made, answered) = (ids("id"), ids("tool_use_id"));
        let last = self.messages.len().saturating_sub(1);
        for (at, (role, content)) in self.messages.iter_mut().enumerate() {
            if *role == "assistant" {
                content.retain(|block| {
                    let id = |name: &str| block[name].as_str().unwrap_or_default();
                    match kind(block) {
                        "server_tool_use" | "mcp_tool_use" => {
                            at == last || answered.contains(id("id"))
                        }
                        kind if kind.ends_with("_tool_result") => made.contains(id("tool_use_id")),
                        _ => true,
                    }
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
    json!({ "type": "tool_use", "id": ids.sent(&call.id), "name": call.plain_name(), "input": input })
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
}

impl Answer {
    fn new(calls: Vec<Value>) -> Self {
        Self {
            blocks: Vec::new(),
            calls,
            placed: 0,
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
            "text" => self.cite(block),
            "call" => self.place(block),
            // Nothing that the vendor ever said.
            "" => {}
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
