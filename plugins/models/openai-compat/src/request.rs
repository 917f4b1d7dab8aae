//! The body of a request.

use rivetos_types::message::{Message, ToolCall, text_of};
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
    body.into()
}

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
        .chain(request.messages.iter().map(message))
        .collect()
}

fn message(message: &Message) -> Value {
    match message {
        Message::User { content } => json!({ "role": "user", "content": text_of(content) }),
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
