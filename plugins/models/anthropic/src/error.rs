//! What the vendor says when it refuses.

use rivetos_http::{Refusal, words};
use rivetos_types::model::ModelError;
use serde_json::Value;

/// The error that a refusal is.
pub fn of_refusal(refusal: &Refusal) -> ModelError {
    let json = refusal.json().unwrap_or(Value::Null);
    let (kind, said) = (text(&json, "type"), text(&json, "message"));
    // Behind a proxy the header may be missing; the vendor says it here too.
    let mut refusal = refusal.clone();
    let id = || json["request_id"].as_str().map(str::to_owned);
    refusal.request_id = refusal.request_id.take().or_else(id);
    let message = refusal.message(said, kind);
    let status = refusal.status;
    if is_too_long(status, &message) {
        return ModelError::TooLong { message };
    }
    if is_about_files(status, &message) {
        return ModelError::ImagesRefused { message };
    }
    if refusal.may_pass() || kind.is_some_and(may_pass) {
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

/// The error that an event of a stream is.
pub(crate) fn in_stream(event: &Value) -> ModelError {
    let (kind, said) = (text(event, "type"), text(event, "message"));
    let kind = kind.unwrap_or("error");
    let said = words(said.unwrap_or("the answer was ended"));
    let id = event["request_id"].as_str().map(words);
    let id = id.map_or(String::new(), |id| format!(", request {id}"));
    let message = format!("{said} (`{}`{id})", words(kind));
    if may_pass(kind) {
        return ModelError::Transient {
            message,
            retry_after_ms: None,
        };
    }
    // There is no status inside a stream; the kind is that of a 400.
    if kind == "invalid_request_error" && is_too_long(400, &message) {
        return ModelError::TooLong { message };
    }
    ModelError::Fatal {
        status: None,
        message,
    }
}

/// Whether the vendor did not take the thinking that it was shown again: it belongs to another
/// conversation or account, or was expected and is missing.
pub fn is_about_thinking(error: &ModelError) -> bool {
    match error {
        ModelError::Fatal {
            status: Some(400),
            message,
        } => {
            let about = message.contains("`thinking`") || message.contains("thinking block");
            about
                && ["ignature", "xpected", "modified"]
                    .iter()
                    .any(|word| message.contains(word))
        }
        ModelError::Fatal { .. }
        | ModelError::Transient { .. }
        | ModelError::TooLong { .. }
        | ModelError::ImagesRefused { .. }
        | ModelError::Incomplete { .. } => false,
    }
}

fn text<'a>(json: &'a Value, name: &str) -> Option<&'a str> {
    let error = json.get("error").unwrap_or(&Value::Null);
    error.get(name).and_then(Value::as_str)
}

fn may_pass(kind: &str) -> bool {
    matches!(
        kind,
        "overloaded_error" | "rate_limit_error" | "api_error" | "timeout_error"
    )
}

/// The conversation does not fit the model, or the request the vendor's door.
fn is_too_long(status: u16, message: &str) -> bool {
    let words = [
        "prompt is too long",
        "exceed context limit",
        "exceeds the maximum context",
    ];
    let says = words.iter().any(|word| message.contains(word));
    status == 413 || status == 400 && says
}

/// An image or a document is broken, too large, or one too many.
fn is_about_files(status: u16, message: &str) -> bool {
    let words = ["image", "PDF", "pdf", "document"];
    status == 400 && words.iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests;
