//! The body of a request.

use std::borrow::Cow;
use std::collections::BTreeMap;

use data_encoding::BASE64;
use rivetos_types::message::{ContentPart, Message, ToolCall, text_of, words_of};
use rivetos_types::model::ModelRequest;
use rivetos_types::settings::Ollama;
use serde_json::{Map, Value, json};

use crate::block::thoughts_in;
use crate::options::{keep_alive, options};

/// What the operator's own keys never replace.
const OURS: [&str; 3] = ["model", "messages", "stream"];

/// The model that is to answer.
pub fn model<'a>(settings: &'a Ollama, request: &'a ModelRequest) -> &'a str {
    request.model.as_deref().unwrap_or(&settings.model)
}

/// The JSON to send; `think` is the model's own word for how much it is to think. The same request
/// gives the same bytes, so that the server finds it in its cache.
pub fn body(settings: &Ollama, request: &ModelRequest, think: Option<Value>) -> Value {
    let model = model(settings, request);
    let mut body = Map::new();
    body.insert("model".into(), json!(model));
    body.insert("messages".into(), messages(request, model));
    body.insert("stream".into(), json!(true));
    if !request.tools.is_empty() {
        let tools = request.tools.iter();
        let tools = tools.map(|tool| json!({ "type": "function", "function": tool }));
        body.insert("tools".into(), tools.collect());
    }
    if let Some(think) = think {
        body.insert("think".into(), think);
    }
    body.insert("options".into(), options(settings).into());
    body.insert("keep_alive".into(), keep_alive(settings));
    for (name, value) in &settings.extra_body {
        if !OURS.contains(&name.as_str()) {
            body.insert(name.clone(), value.clone());
        }
    }
    body.into()
}

fn messages(request: &ModelRequest, model: &str) -> Value {
    let mut out = Vec::new();
    if !request.system.is_empty() {
        out.push(json!({ "role": "system", "content": *request.system }));
    }
    // A result names its tool, not its call.
    let mut tools: BTreeMap<&str, Cow<'_, str>> = BTreeMap::new();
    for message in request.messages.iter() {
        match message {
            Message::User { content } => out.push(user(content, request)),
            Message::Assistant {
                content,
                tool_calls,
            } => {
                let names = tool_calls.iter();
                tools.extend(names.map(|call| (call.id.as_str(), call.plain_name())));
                out.extend(assistant(content, tool_calls, model));
            }
            Message::Tool(result) => {
                let name = tools.get(result.call_id.as_str());
                out.push(json!({
                    "role": "tool",
                    "tool_name": name.map_or("", AsRef::as_ref),
                    "content": result.content,
                }));
            }
        }
    }
    out.into()
}

fn user(content: &[ContentPart], request: &ModelRequest) -> Value {
    let seen = |part: &ContentPart| {
        let file = part.attachment().filter(|file| file.media.is_image())?;
        let bytes = request.images.get(&file.digest)?;
        Some(Value::from(BASE64.encode(bytes)))
    };
    let images: Vec<Value> = content.iter().filter_map(seen).collect();
    let mut message = json!({ "role": "user", "content": words_of(content) });
    if !images.is_empty() {
        message["images"] = images.into();
    }
    message
}

/// Nothing for an answer that said nothing to this model: templates make strange things of it.
fn assistant(content: &[ContentPart], calls: &[ToolCall], model: &str) -> Option<Value> {
    let text = text_of(content);
    if text.is_empty() && calls.is_empty() {
        return None;
    }
    let mut message = json!({ "role": "assistant", "content": text });
    if let Some(thoughts) = thoughts_in(content, model) {
        message["thinking"] = json!(thoughts);
    }
    if !calls.is_empty() {
        message["tool_calls"] = calls.iter().map(tool_call).collect();
    }
    Some(message)
}

/// Broken arguments are sent back as none: what was wrong with them stands in the tool's answer.
fn tool_call(call: &ToolCall) -> Value {
    let arguments: Map<String, Value> = serde_json::from_str(&call.arguments).unwrap_or_default();
    json!({
        "type": "function",
        "function": { "name": call.plain_name(), "arguments": arguments },
    })
}

#[cfg(test)]
mod tests;
