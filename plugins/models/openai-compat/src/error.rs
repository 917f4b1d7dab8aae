//! What an endpoint says when it refuses.

use rivetos_types::model::ModelError;
use serde_json::Value;

/// The most of a vendor's message that is kept, in characters.
const MESSAGE_CHARS_MAX: usize = 500;

/// The error of an answer whose status is not 200. `retry_after` is that header; only its form in
/// seconds is read. `key` is taken out of the message wherever the vendor repeats it.
pub fn of_response(
    status: u16,
    retry_after: Option<&str>,
    body: &[u8],
    key: Option<&str>,
) -> ModelError {
    let text = String::from_utf8_lossy(body);
    let json = serde_json::from_str::<Value>(&text).ok();
    let said = json
        .as_ref()
        .and_then(vendor_message)
        .unwrap_or_else(|| text.trim().to_owned());
    let said = without_keys(&said, key);
    let message = if said.is_empty() {
        format!("the endpoint answered HTTP {status}")
    } else {
        format!("{said} (HTTP {status})")
    };
    let code = json.as_ref().and_then(vendor_code).unwrap_or_default();
    if is_too_long(status, &code, &message) {
        return ModelError::TooLong { message };
    }
    if is_about_images(status, &message) {
        return ModelError::ImagesRefused { message };
    }
    let spent = code == "insufficient_quota";
    if worth_another_try(status) && !spent {
        let retry_after_ms = retry_after.and_then(milliseconds);
        return ModelError::Transient {
            message,
            retry_after_ms,
        };
    }
    ModelError::Fatal {
        status: Some(status),
        message,
    }
}

/// The error that an event of a stream is, if it is one.
pub(crate) fn in_stream(data: &str) -> Option<ModelError> {
    // Almost every event is a chunk; only those that name an error are worth a second look.
    if !data.contains("\"error\"") {
        return None;
    }
    let json: Value = serde_json::from_str(data).ok()?;
    let error = json.get("error").filter(|error| !error.is_null())?;
    let said = vendor_message(&json).unwrap_or_else(|| error.to_string());
    let message = without_keys(&said, None);
    let code = vendor_code(&json).unwrap_or_default();
    let status = code.parse().ok();
    let transient = status.is_some_and(worth_another_try)
        || [
            "overloaded",
            "rate_limit",
            "server_error",
            "timeout",
            "unavailable",
        ]
        .iter()
        .any(|word| code.contains(word));
    Some(if transient {
        ModelError::Transient {
            message,
            retry_after_ms: None,
        }
    } else {
        ModelError::Fatal { status, message }
    })
}

/// How endpoints say that the conversation is longer than the model can read: OpenAI, llama.cpp
/// and Anthropic's relatives by a code, vLLM and others in words alone.
fn is_too_long(status: u16, code: &str, message: &str) -> bool {
    let refused = matches!(status, 400 | 413 | 422);
    let message = message.to_lowercase();
    let words = [
        "context length",
        "context size",
        "context window",
        "prompt is too long",
    ];
    let says = code.contains("context_length") || code.contains("exceed_context_size");
    refused && (says || words.iter().any(|word| message.contains(word)))
}

/// How endpoints say that they, or the model behind them, see nothing, or that an image is broken.
/// Some know only texts and name the field; llama.cpp calls it its own error.
fn is_about_images(status: u16, message: &str) -> bool {
    let message = message.to_lowercase();
    let words: &[&str] = match status {
        400 | 404 | 415 | 422 => &["image", "multimodal", "content must be a string"],
        500 | 501 => &["image input"],
        _ => &[],
    };
    words.iter().any(|word| message.contains(word))
}

fn worth_another_try(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// The shapes in which vendors say it: an object, a text, a list with one object.
fn vendor_message(json: &Value) -> Option<String> {
    let json = json.get(0).unwrap_or(json);
    [
        json.pointer("/error/message"),
        json.get("error"),
        json.get("message"),
        json.get("detail"),
    ]
    .into_iter()
    .flatten()
    .find_map(Value::as_str)
    .map(str::to_owned)
}

fn vendor_code(json: &Value) -> Option<String> {
    let json = json.get(0).unwrap_or(json);
    let text = |value: &Value| match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.to_lowercase()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let code = json.pointer("/error/code").and_then(text);
    code.or_else(|| json.pointer("/error/type").and_then(text))
}

/// Shortens a message and takes out the key, also where the vendor has masked it only in part.
fn without_keys(message: &str, key: Option<&str>) -> String {
    let message = match key {
        Some(key) if !key.is_empty() => message.replace(key, "***"),
        Some(_) | None => message.to_owned(),
    };
    let words = message.split(' ').map(|word| {
        let key = word.starts_with("sk-") || word.contains("***");
        if key { "***" } else { word }
    });
    let message = words.collect::<Vec<_>>().join(" ");
    match message.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}

fn milliseconds(seconds: &str) -> Option<u64> {
    seconds.trim().parse::<u64>().ok()?.checked_mul(1000)
}

#[cfg(test)]
mod tests;
