//! What an endpoint says when it refuses.

use rivetos_http::{Refusal, words};
use rivetos_types::model::ModelError;
use serde_json::Value;

/// The error that a refusal is.
pub fn of_refusal(refusal: &Refusal) -> ModelError {
    let json = refusal.json();
    let said = json.as_ref().and_then(vendor_message);
    let code = json.as_ref().and_then(vendor_code);
    let message = refusal.message(said.as_deref(), code.as_deref());
    let code = code.unwrap_or_default();
    let status = refusal.status;
    if is_too_long(status, &code, &message) {
        return ModelError::TooLong { message };
    }
    if is_about_images(status, &message) {
        return ModelError::ImagesRefused { message };
    }
    if refusal.may_pass() && code != "insufficient_quota" {
        let retry_after_ms = refusal.retry_after_ms;
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
    let message = words(&said);
    let code = vendor_code(&json).unwrap_or_default();
    let status = code.parse().ok();
    let transient = status.is_some_and(|status| Refusal::new(status, "").may_pass())
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

#[cfg(test)]
mod tests;
