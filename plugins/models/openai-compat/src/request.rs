//! The body of a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::BASE64;
use rivetos_types::media::FileDigest;
use rivetos_types::message::{ContentPart, Message, ToolCall, text_of, words_of};
use rivetos_types::model::ModelRequest;
use rivetos_types::settings::OpenAiCompat;
use rivetos_types::store::Thinking;
use serde_json::{Map, Value, json};

/// OpenAI's own endpoint refuses the name of the output limit that everybody else knows.
const OPENAI_HOST: &str = "//api.openai.com/";

/// The JSON to send. The same request gives the same bytes, so that vendors can cache it.
pub fn body(settings: &OpenAiCompat, request: &ModelRequest) -> Value {
    let mut body = Map::new();
    let model = request.model.as_ref().unwrap_or(&settings.model);
    body.insert("model".into(), json!(model));
    body.insert("messages".into(), messages(request).into());
    body.insert("stream".into(), json!(true));
    body.insert("stream_options".into(), json!({ "include_usage": true }));
    if !request.tools.is_empty() {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| json!({ "type": "function", "function": tool }))
            .collect();
        body.insert("tools".into(), tools.into());
    }
    if let Some(limit) = settings.max_tokens {
        let openai = settings.base_url.contains(OPENAI_HOST);
        let name = if openai {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        body.insert(name.into(), json!(limit));
    }
    // Without a word for "none" that every server takes, `off` is the server's own choice.
    if let Some(effort) = request.thinking.and_then(effort) {
        body.insert("reasoning_effort".into(), json!(effort));
    }
    let sampling = [
        ("temperature", settings.temperature),
        ("top_p", settings.top_p),
        ("repeat_penalty", settings.repeat_penalty),
    ];
    for (name, value) in sampling {
        if let Some(value) = value {
            body.insert(name.into(), json!(value));
        }
    }
    for (name, value) in &settings.extra_body {
        if !matches!(name.as_str(), "model" | "messages" | "stream") {
            body.insert(name.clone(), value.clone());
        }
    }
    body.into()
}

type Images = BTreeMap<FileDigest, Arc<[u8]>>;

fn effort(thinking: Thinking) -> Option<&'static str> {
    match thinking {
        Thinking::Off => None,
        Thinking::Low => Some("low"),
        Thinking::Medium => Some("medium"),
        Thinking::High => Some("high"),
    }
}

fn messages(request: &ModelRequest) -> Vec<Value> {
    let system = (!request.system.is_empty())
        .then(|| json!({ "role": "system", "content": request.system }));
    system
        .into_iter()
        .chain(
            request
                .messages
                .iter()
                .map(|one| message(one, &request.images)),
        )
        .collect()
}

fn message(message: &Message, images: &Images) -> Value {
    match message {
        Message::User { content } => json!({ "role": "user", "content": said(content, images) }),
        Message::Assistant {
            content,
            tool_calls,
        } if tool_calls.is_empty() => {
            json!({ "role": "assistant", "content": text_of(content) })
        }
        Message::Assistant {
            content,
            tool_calls,
        } => {
            let text = text_of(content);
            let content = if text.is_empty() {
                Value::Null
            } else {
                text.into()
            };
            let calls: Vec<Value> = tool_calls.iter().map(tool_call).collect();
            json!({ "role": "assistant", "content": content, "tool_calls": calls })
        }
        Message::Tool(result) => json!({
            "role": "tool",
            "tool_call_id": result.call_id,
            "content": result.content,
        }),
    }
}

/// A text, unless there is something to see: many servers know nothing else.
fn said(content: &[ContentPart], images: &Images) -> Value {
    let seen = |part: &ContentPart| {
        let image = part.attachment()?;
        let bytes = images.get(&image.digest)?;
        let url = format!("data:{};base64,{}", image.media, BASE64.encode(bytes));
        Some(json!({ "type": "image_url", "image_url": { "url": url } }))
    };
    let shown = |part: &ContentPart| {
        let image = part.attachment();
        image.is_some_and(|image| images.contains_key(&image.digest))
    };
    if !content.iter().any(shown) {
        return words_of(content).into();
    }
    let text = |part: &ContentPart| json!({ "type": "text", "text": part.words() });
    // Each image stands behind its description, so that the model can name the file to tools.
    let parts = content
        .iter()
        .flat_map(|part| [Some(text(part)), seen(part)]);
    parts.flatten().collect()
}

/// Broken arguments are sent back as none: some servers parse the history and would refuse every
/// further request of the session. What was wrong with them stands in the tool's answer.
fn tool_call(call: &ToolCall) -> Value {
    let whole = serde_json::from_str::<Map<String, Value>>(&call.arguments).is_ok();
    let arguments = if whole { call.arguments.as_str() } else { "{}" };
    json!({
        "id": call.id,
        "type": "function",
        "function": { "name": call.name, "arguments": arguments },
    })
}

#[cfg(test)]
mod tests;
