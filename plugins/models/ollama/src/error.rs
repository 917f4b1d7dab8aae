//! What a server says when it refuses.

use rivetos_http::{Refusal, words};
use rivetos_types::model::ModelError;
use serde_json::Value;

/// The error that a refusal is.
pub fn of_refusal(refusal: &Refusal) -> ModelError {
    let json = refusal.json();
    let said = json.as_ref().and_then(|json| said(json.get("error")?));
    kind(refusal, refusal.message(said, None))
}

/// The error that a line of a stream is, which has begun as if all were well.
pub(crate) fn in_stream(error: &Value) -> ModelError {
    let text = said(error).map_or_else(|| error.to_string(), str::to_owned);
    kind(&Refusal::new(500, ""), words(&text))
}

/// A text, or an object with one where a gateway stands before the server.
fn said(error: &Value) -> Option<&str> {
    error.as_str().or_else(|| error.get("message")?.as_str())
}

fn kind(refusal: &Refusal, message: String) -> ModelError {
    let lower = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if says(&["context length", "context window", "context size"]) {
        return ModelError::TooLong { message };
    }
    if refusal.status < 501 && says(&["image", "vision", "multimodal"]) {
        return ModelError::ImagesRefused { message };
    }
    // The next try would ask the same of the same machine.
    let lasting = says(&["does not support", "not found", "more system memory"]);
    if refusal.may_pass() && !lasting {
        return ModelError::Transient {
            message,
            retry_after_ms: refusal.retry_after_ms,
        };
    }
    ModelError::Fatal {
        status: Some(refusal.status),
        message,
    }
}

#[cfg(test)]
mod tests;
