//! The conversation.
//!
//! The vendor wants roles to alternate, a user at both ends, and the answers to all calls of one
//! message together in the next.

use std::collections::BTreeMap;
use std::mem;

use data_encoding::BASE64;
use rivetos_types::media::{Attachment, MediaType};
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus};
use rivetos_types::model::ModelRequest;
use serde_json::{Map, Value, json};

use crate::block::Block;
use crate::models;

/// Stands where a signature has to be and cannot: the vendor's own word for calls that another
/// model made.
const UNSIGNED: &str = "skip_thought_signature_validator";

/// Said for the person when an answer is to go on where it stopped.
const GO_ON: &str = "Go on.";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    User,
    Model,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Model => "model",
        }
    }
}

pub(super) fn contents(request: &ModelRequest, model: &str) -> Value {
    let mut contents = Contents::default();
    for (at, message) in request.messages.iter().enumerate() {
        match message {
            Message::User { content } => contents.push(Role::User, said(content, request)),
            Message::Assistant {
                content,
                tool_calls,
            } => {
                let mut answer = Answer::new(tool_calls, model);
                for part in content {
                    answer.part(part);
                }
                let (parts, ids) = answer.end();
                contents.push(Role::Model, parts);
                let after = &request.messages[at + 1..];
                contents.push(Role::User, results(tool_calls, &ids, after));
            }
            // Stands with the call.
            Message::Tool(_) => {}
        }
    }
    contents.end()
}

#[derive(Default)]
struct Contents(Vec<(Role, Vec<Value>)>);

impl Contents {
    fn push(&mut self, role: Role, parts: Vec<Value>) {
        if parts.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some((last, said)) if *last == role => said.extend(parts),
            Some(_) | None => self.0.push((role, parts)),
        }
    }

    fn end(mut self) -> Value {
        if self.0.last().is_none_or(|(role, _)| *role == Role::Model) {
            self.push(Role::User, vec![json!({ "text": GO_ON })]);
        }
        let content =
            |(role, parts): (Role, Vec<Value>)| json!({ "role": role.name(), "parts": parts });
        self.0.into_iter().map(content).collect()
    }
}

/// Each file stands behind its description, so that the model can name it to tools.
fn said(content: &[ContentPart], request: &ModelRequest) -> Vec<Value> {
    let text = |part: &ContentPart| {
        let words = part.words();
        (!words.is_empty()).then(|| json!({ "text": words }))
    };
    let seen = |part: &ContentPart| {
        let file: &Attachment = part.attachment()?;
        let (bytes, media) = (request.images.get(&file.digest)?, mime_type(file.media)?);
        let data = BASE64.encode(bytes);
        Some(json!({ "inlineData": { "mimeType": media, "data": data } }))
    };
    let parts = content.iter().flat_map(|part| [text(part), seen(part)]);
    parts.flatten().collect()
}

/// The vendor's name of a kind of file that it takes.
fn mime_type(media: MediaType) -> Option<&'static str> {
    match media {
        MediaType::Png
        | MediaType::Jpeg
        | MediaType::Webp
        | MediaType::Pdf
        | MediaType::Ogg
        | MediaType::Wav => Some(media.name()),
        MediaType::Mp3 => Some("audio/mp3"),
        MediaType::Gif | MediaType::M4a | MediaType::Text | MediaType::Other => None,
    }
}

/// The vendor's names of the calls that have one, by their place.
type Ids = BTreeMap<usize, String>;

/// An answer, put together as it came.
struct Answer<'a> {
    model: &'a str,
    calls: &'a [ToolCall],
    placed: usize,
    parts: Vec<Value>,
    ids: Ids,
}

impl<'a> Answer<'a> {
    fn new(calls: &'a [ToolCall], model: &'a str) -> Self {
        Self {
            model,
            calls,
            placed: 0,
            parts: Vec::new(),
            ids: Ids::new(),
        }
    }

    fn part(&mut self, part: &ContentPart) {
        let block = match part {
            ContentPart::Text { text } if text.is_empty() => return,
            ContentPart::Text { .. } | ContentPart::Attachment(_) => {
                return self.parts.push(json!({ "text": part.words() }));
            }
            ContentPart::Vendor(block) => Block::read_by(block, self.model),
        };
        match block {
            None => {}
            Some(Block::Part(part)) => self.parts.push(part.into()),
            Some(Block::Text { bytes, signature }) => self.sign(bytes, &signature),
            Some(Block::Call {
                index,
                id,
                signature,
            }) => {
                self.place_calls(index);
                if index == self.placed && index < self.calls.len() {
                    self.place(id, signature);
                }
            }
        }
    }

    /// Signs the end of the last text, or a part without text.
    fn sign(&mut self, bytes: usize, signature: &str) {
        let last = self.parts.last_mut().and_then(Value::as_object_mut);
        let text = last.and_then(|part| match part.get_mut("text") {
            Some(Value::String(text)) if bytes > 0 => Some(mem::take(text)),
            Some(_) | None => None,
        });
        let text = text.unwrap_or_default();
        let start = text.len().saturating_sub(bytes);
        let (before, end) = text.split_at_checked(start).unwrap_or(("", &text));
        if bytes > 0 {
            self.parts
                .pop_if(|part| part.get("text") == Some(&json!("")));
        }
        if !before.is_empty() {
            self.parts.push(json!({ "text": before }));
        }
        self.parts
            .push(json!({ "text": end, "thoughtSignature": signature }));
    }

    /// Those before `end` of which nothing was said.
    fn place_calls(&mut self, end: usize) {
        while self.placed < end.min(self.calls.len()) {
            self.place(None, None);
        }
    }

    fn place(&mut self, id: Option<String>, signature: Option<String>) {
        let Some(call) = self.calls.get(self.placed) else {
            return;
        };
        let missing = self.placed == 0 && models::wants_signatures(self.model);
        let signature = signature.or_else(|| missing.then(|| UNSIGNED.to_owned()));
        let mut part = Map::new();
        part.insert("functionCall".into(), function_call(call, id.as_deref()));
        if let Some(signature) = signature {
            part.insert("thoughtSignature".into(), signature.into());
        }
        self.parts.push(part.into());
        self.ids.extend(id.map(|id| (self.placed, id)));
        self.placed += 1;
    }

    fn end(mut self) -> (Vec<Value>, Ids) {
        self.place_calls(self.calls.len());
        (self.parts, self.ids)
    }
}

/// Broken arguments are sent back as none: what was wrong with them stands in the tool's answer.
fn function_call(call: &ToolCall, id: Option<&str>) -> Value {
    let arguments: Map<String, Value> = serde_json::from_str(&call.arguments).unwrap_or_default();
    let mut function = Map::new();
    function.insert("name".into(), json!(call.plain_name()));
    function.insert("args".into(), arguments.into());
    if let Some(id) = id {
        function.insert("id".into(), json!(id));
    }
    function.into()
}

/// The answers to the calls of one message, in the order of the calls: without names that is what
/// tells two calls of the same function apart.
fn results(calls: &[ToolCall], ids: &Ids, after: &[Message]) -> Vec<Value> {
    let ours = |message: &&Message| !matches!(message, Message::Assistant { .. });
    let after: BTreeMap<&str, &ToolResult> = after
        .iter()
        .take_while(ours)
        .filter_map(|message| match message {
            Message::Tool(result) => Some((result.call_id.as_str(), result)),
            Message::User { .. } | Message::Assistant { .. } => None,
        })
        .collect();
    let response = |(at, call): (usize, &ToolCall)| {
        let result = after.get(call.id.as_str())?;
        let key = match result.status {
            ToolStatus::Ok => "result",
            ToolStatus::Error | ToolStatus::Unknown | ToolStatus::Stopped | ToolStatus::Denied => {
                "error"
            }
        };
        let mut response = Map::new();
        response.insert("name".into(), json!(call.plain_name()));
        response.insert("response".into(), json!({ key: result.content }));
        if let Some(id) = ids.get(&at) {
            response.insert("id".into(), json!(id));
        }
        Some(json!({ "functionResponse": response }))
    };
    calls.iter().enumerate().filter_map(response).collect()
}
