//! The body of a request to a Responses API.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::BASE64;
use rivetos_types::media::{Attachment, FileDigest, MediaType};
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, words_of};
use rivetos_types::model::ModelRequest;
use rivetos_types::settings::{History, ToolCalls};
use serde_json::{Map, Value, json};

use crate::ids::short_id;
use crate::kept::{Block, Kept};

/// What an operator may not set: the conversation, and how it is answered and kept.
const OWN_KEYS: &[&str] = &["model", "input", "stream", "store", "previous_response_id"];

/// The longest name of a call that `OpenAI` takes here, in bytes.
const CALL_ID_BYTES_MAX: usize = 64;

/// How an endpoint is asked, beside what the agent asks.
#[derive(Debug, Clone)]
pub struct Endpoint<'a> {
    /// The kind of the model provider; its blocks carry it.
    pub vendor: &'static str,
    /// Which model answers; the blocks carry it too.
    pub model: &'a str,
    /// Who keeps the conversation.
    pub history: History,
    /// How much the model is to think, in the vendor's word.
    pub effort: Option<&'a str>,
    /// What the answer is to bring that it would not bring by itself.
    pub include: &'static [&'static str],
    /// Whether one answer may call several tools.
    pub tool_calls: ToolCalls,
    /// Whether its models read documents.
    pub documents: Documents,
    /// Tools that the vendor runs by itself, as it wants them described.
    pub server_tools: Vec<Value>,
    /// The most tokens of one answer, reasoning included.
    pub max_tokens: Option<u32>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Sampling from the likeliest tokens that together have this probability.
    pub top_p: Option<f64>,
    /// What else goes into the body.
    pub extra_body: &'a Map<String, Value>,
}

/// What an endpoint does with documents. One that does not know them refuses the whole request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Documents {
    /// It shows them to its models.
    Taken,
    /// It is not known to: the model reads about them.
    Described,
}

impl Documents {
    /// The file that a part is, with its bytes, if the model is to see it.
    pub fn seen<'a>(
        self,
        part: &'a ContentPart,
        files: &'a Files,
    ) -> Option<(&'a Attachment, &'a [u8])> {
        let file = part.attachment()?;
        let takes = match self {
            Self::Taken => file.media.is_image() || file.media == MediaType::Pdf,
            Self::Described => file.media.is_image(),
        };
        let bytes = takes.then(|| files.get(&file.digest))??;
        Some((file, bytes))
    }
}

/// The bytes of the attachments of a request.
pub type Files = BTreeMap<FileDigest, Arc<[u8]>>;

/// How much of the conversation a request brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What came after the last answer that the vendor keeps, where there is one.
    Continued,
    /// All of it.
    Full,
}

/// The JSON to send. The same request gives the same bytes, so that vendors can cache it.
pub fn body(endpoint: &Endpoint<'_>, request: &ModelRequest, scope: Scope) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), json!(endpoint.model));
    body.insert("stream".into(), json!(true));
    body.insert("store".into(), json!(endpoint.history == History::Stored));
    let kept = match scope {
        Scope::Continued => Kept::of(endpoint, request),
        Scope::Full => None,
    };
    if let Some(kept) = &kept {
        body.insert("previous_response_id".into(), json!(kept.id));
    }
    body.insert(
        "input".into(),
        input(endpoint, request, kept.as_ref()).into(),
    );
    if !endpoint.include.is_empty() {
        body.insert("include".into(), json!(endpoint.include));
    }
    let tools = tools(endpoint, request);
    if !tools.is_empty() {
        body.insert("tools".into(), tools.into());
    }
    match endpoint.tool_calls {
        ToolCalls::Parallel => {}
        ToolCalls::OneByOne => {
            body.insert("parallel_tool_calls".into(), json!(false));
        }
    }
    if let Some(limit) = endpoint.max_tokens {
        body.insert("max_output_tokens".into(), json!(limit));
    }
    if let Some(effort) = endpoint.effort {
        body.insert("reasoning".into(), json!({ "effort": effort }));
    }
    let sampling = [
        ("temperature", endpoint.temperature),
        ("top_p", endpoint.top_p),
    ];
    for (name, value) in sampling {
        if let Some(value) = value {
            body.insert(name.into(), json!(value));
        }
    }
    for (name, value) in endpoint.extra_body {
        if !OWN_KEYS.contains(&name.as_str()) {
            body.insert(name.clone(), value.clone());
        }
    }
    body.into()
}

fn tools(endpoint: &Endpoint<'_>, request: &ModelRequest) -> Vec<Value> {
    let ours = request.tools.iter().map(|tool| {
        json!({
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        })
    });
    ours.chain(endpoint.server_tools.iter().cloned()).collect()
}

/// The items of the conversation. The system prompt is one of them: as a parameter of its own it
/// would have to come again, which not every vendor allows when a conversation goes on.
fn input(endpoint: &Endpoint<'_>, request: &ModelRequest, kept: Option<&Kept<'_>>) -> Vec<Value> {
    let mut items = Vec::new();
    if kept.is_none() && !request.system.is_empty() {
        items.push(said("system", (*request.system).into()));
    }
    let messages = kept.map_or(request.messages.as_slice(), |kept| kept.rest);
    for message in messages {
        match message {
            Message::User { content } => {
                items.push(said("user", shown(endpoint, content, &request.images)));
            }
            Message::Assistant {
                content,
                tool_calls,
            } => answer(endpoint, content, tool_calls, &mut items),
            Message::Tool(result) => items.push(output(result, kept)),
        }
    }
    items
}

fn said(role: &str, content: Value) -> Value {
    let mut item = json!({ "type": "message", "role": role });
    item["content"] = content;
    item
}

/// A text, unless there is something to see.
fn shown(endpoint: &Endpoint<'_>, content: &[ContentPart], files: &Files) -> Value {
    let seen = |part| endpoint.documents.seen(part, files);
    if !content.iter().any(|part| seen(part).is_some()) {
        return words_of(content).into();
    }
    let text = |part: &ContentPart| json!({ "type": "input_text", "text": part.words() });
    let file = |part| seen(part).map(|(file, bytes)| see(file, bytes));
    // Each file stands behind its description, so that the model can name it to tools.
    let parts = content
        .iter()
        .flat_map(|part| [Some(text(part)), file(part)]);
    parts.flatten().collect()
}

fn see(file: &Attachment, bytes: &[u8]) -> Value {
    let url = format!("data:{};base64,{}", file.media, BASE64.encode(bytes));
    if file.media.is_image() {
        json!({ "type": "input_image", "image_url": url })
    } else {
        json!({ "type": "input_file", "filename": file.name, "file_data": url })
    }
}

/// An answer, with its reasoning where it was: in front of the calls that came of it. Reasoning
/// that nothing came of is left out, because vendors refuse it.
fn answer(
    endpoint: &Endpoint<'_>,
    content: &[ContentPart],
    calls: &[ToolCall],
    items: &mut Vec<Value>,
) {
    let start = items.len();
    let mut text = String::new();
    let mut calls = calls.iter();
    let mut called = 0;
    for part in content {
        match part {
            ContentPart::Text { text: more } => text.push_str(more),
            ContentPart::Attachment(_) => {}
            ContentPart::Vendor(block) => {
                if let Some(Block::Reasoning { after_calls, item }) = Block::of(block, endpoint) {
                    flush(&mut text, items);
                    let before = after_calls.saturating_sub(called);
                    items.extend(calls.by_ref().take(before).map(call));
                    called += before;
                    items.push(item);
                }
            }
        }
    }
    flush(&mut text, items);
    items.extend(calls.map(call));
    while items.len() > start && items.last().is_some_and(|item| item["type"] == "reasoning") {
        items.pop();
    }
}

fn flush(text: &mut String, items: &mut Vec<Value>) {
    if !text.is_empty() {
        items.push(said("assistant", std::mem::take(text).into()));
    }
}

/// Broken arguments are sent back as none: vendors parse the history and would refuse every
/// further request of the session. What was wrong with them stands in the tool's answer.
fn call(call: &ToolCall) -> Value {
    let whole = serde_json::from_str::<Map<String, Value>>(&call.arguments).is_ok();
    let arguments = if whole { call.arguments.as_str() } else { "{}" };
    json!({
        "type": "function_call",
        "call_id": short_id(&call.id, CALL_ID_BYTES_MAX),
        "name": call.plain_name(),
        "arguments": arguments,
    })
}

/// The result of a call, which the vendor may know by another name than we do.
fn output(result: &ToolResult, kept: Option<&Kept<'_>>) -> Value {
    let calls = kept.map_or(&[][..], |kept| &kept.calls);
    let theirs = calls.iter().find(|(call, _)| call.id == result.call_id);
    let id = theirs.map_or_else(
        || short_id(&result.call_id, CALL_ID_BYTES_MAX),
        |(_, id)| id.as_str().into(),
    );
    json!({ "type": "function_call_output", "call_id": id, "output": result.content })
}

#[cfg(test)]
mod tests;
