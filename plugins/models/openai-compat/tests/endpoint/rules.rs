//! The published rules of a request to chat completions.

use serde_json::{Map, Value};

/// The first rule that a request breaks. `reasoning` knows what has to come back with a call of
/// the endpoint's own.
pub(crate) fn check(
    body: &Value,
    reasoning: &dyn Fn(&str) -> Option<String>,
) -> Result<(), String> {
    if body["stream"] != true || body["stream_options"]["include_usage"] != true {
        return Err("it is not streamed".to_owned());
    }
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in body["messages"].as_array().unwrap().iter().enumerate() {
        let role = message["role"].as_str().unwrap();
        let text = message["content"].as_str();
        let calls = message
            .get("tool_calls")
            .map(|calls| calls.as_array().unwrap());
        let fits = match role {
            "system" => at == 0 && text.is_some(),
            "user" => open.is_empty() && (text.is_some() || are_parts(&message["content"])),
            "assistant" => open.is_empty() && (text.is_some() || calls.is_some()),
            "tool" => open.iter().any(|id| message["tool_call_id"] == **id),
            _ => false,
        };
        if !fits {
            return Err(format!("no place for {message}"));
        }
        open.retain(|id| message["tool_call_id"] != **id);
        for call in calls.into_iter().flatten() {
            let arguments = call["function"]["arguments"].as_str().unwrap();
            let object = serde_json::from_str::<Map<String, Value>>(arguments);
            let id = call["id"].as_str().unwrap();
            let named = is_name(&call["function"]["name"]) && (1..=40).contains(&id.len());
            if call["type"] != "function" || object.is_err() || !named {
                return Err(format!("no call: {call}"));
            }
            open.push(id);
        }
        let first = calls.and_then(|calls| calls.first()?["id"].as_str());
        let wanted = first.and_then(reasoning);
        let brought = message.get("reasoning_content").and_then(Value::as_str);
        if wanted.as_deref() != brought {
            return Err("reasoning_content must be passed back".to_owned());
        }
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err(format!("no result of {open:?}"))
    }
}

/// Texts and images; nothing else is known to most servers.
fn are_parts(content: &Value) -> bool {
    let mut parts = content.as_array().unwrap().iter();
    parts.all(|part| match part["type"].as_str() {
        Some("text") => part["text"].is_string(),
        Some("image_url") => {
            let url = part["image_url"]["url"].as_str().unwrap();
            url.starts_with("data:image/")
        }
        _ => false,
    })
}

/// What OpenAI takes as the name of a function.
fn is_name(name: &Value) -> bool {
    let takes = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = name.as_str().unwrap_or_default();
    (1..=64).contains(&name.len()) && name.chars().all(takes)
}
