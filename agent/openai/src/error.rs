//! What an endpoint says when it refuses, or fails in the middle of an answer.

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
    if is_about_attachments(status, &message) {
        return ModelError::ImagesRefused { message };
    }
    if refusal.may_pass() && code != "insufficient_quota" {
        let retry_after_ms = refusal.retry_after_ms;
        return ModelError::Transient {
            message,
            retry_after_ms,
        };
    }
    // Some say so with 400, xAI for one.
    let status = if is_about_key(status, &code, &message) {
        401
    } else {
        status
    };
    ModelError::Fatal {
        status: Some(status),
        message,
    }
}

fn is_about_key(status: u16, code: &str, message: &str) -> bool {
    let says_so = code == "invalid_api_key" || message.to_lowercase().contains("incorrect api key");
    status == 400 && says_so
}

/// The error that an event of a stream is, if it is one.
pub fn in_stream(data: &str) -> Option<ModelError> {
    // Almost every event is a chunk; only those that name an error are worth a second look.
    if !data.contains("\"error\"") {
        return None;
    }
    let json: Value = serde_json::from_str(data).ok()?;
    // vLLM and its relatives send the error itself.
    let bare = json.get("object").filter(|object| *object == "error");
    let bare = bare.map(|_| &json);
    let error = json
        .get("error")
        .filter(|error| !error.is_null())
        .or(bare)?;
    let said = vendor_message(&json).unwrap_or_else(|| error.to_string());
    Some(of_words(&vendor_code(&json).unwrap_or_default(), &said))
}

/// The error that an endpoint tells in the middle of a stream.
pub fn of_words(code: &str, said: &str) -> ModelError {
    let code = code.to_lowercase();
    let message = words(said);
    let status = code.parse().ok();
    if is_too_long(status.unwrap_or(400), &code, &message) {
        return ModelError::TooLong { message };
    }
    let passes = status.is_some_and(|status| Refusal::new(status, "").may_pass())
        || PASSING.iter().any(|word| code.contains(word));
    if passes {
        ModelError::Transient {
            message,
            retry_after_ms: None,
        }
    } else {
        ModelError::Fatal {
            status: status.or_else(|| Some(status_of(&code))),
            message,
        }
    }
}

/// What a refusal with this word would have been, had it come before the answer began.
fn status_of(code: &str) -> u16 {
    match code {
        "model_not_found" | "not_found_error" => 404,
        "invalid_api_key" | "authentication_error" => 401,
        _ => 400,
    }
}

/// An error that came after part of an answer: trying again is for requests that were not
/// answered yet.
#[must_use]
pub fn after(said: bool, error: ModelError) -> ModelError {
    match error {
        ModelError::Transient { message, .. } if said => ModelError::Incomplete { message },
        ModelError::Transient { .. }
        | ModelError::Incomplete { .. }
        | ModelError::TooLong { .. }
        | ModelError::ImagesRefused { .. }
        | ModelError::Fatal { .. } => error,
    }
}

/// Whether a refusal means that the vendor does not know the answer that a request goes on from.
/// In doubt it does: the same request in full costs little, and is refused again if it was not.
pub(crate) fn is_lost(refusal: &Refusal) -> bool {
    let json = refusal.json().unwrap_or_default();
    let param = json.pointer("/error/param").and_then(Value::as_str);
    let said = vendor_message(&json).unwrap_or_default();
    let code = vendor_code(&json).unwrap_or_default();
    match refusal.status {
        404 | 410 => true,
        400 | 422 => param == Some("previous_response_id") || names_lost(&code, &said),
        _ => false,
    }
}

/// The same in the words of a vendor.
pub(crate) fn names_lost(code: &str, said: &str) -> bool {
    let said = said.to_lowercase();
    let gone = ["not found", "not exist", "no longer", "expired"];
    code.contains("previous_response")
        || said.contains("previous_response")
        || said.contains("response") && gone.iter().any(|word| said.contains(word))
}

/// Codes of what may pass, in part.
const PASSING: &[&str] = &[
    "overloaded",
    "rate_limit",
    "server_error",
    "timeout",
    "unavailable",
];

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

/// How endpoints say that they, or the model behind them, see nothing, or that an image or a
/// document is broken. Some know only texts and name the field; llama.cpp calls it its own error.
fn is_about_attachments(status: u16, message: &str) -> bool {
    let message = message.to_lowercase();
    let words: &[&str] = match status {
        400 | 404 | 415 | 422 => &[
            "image",
            "multimodal",
            "content must be a string",
            // The word alone stands in names of tools too.
            "`file`",
            "'file'",
            "value: file",
            "input_file",
            "file_data",
            "file data",
            "file type",
            "pdf",
            "document",
        ],
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
    // xAI tells the code beside the message.
    ["/error/code", "/error/type", "/code"]
        .iter()
        .find_map(|place| json.pointer(place).and_then(text))
}

#[cfg(test)]
mod tests;
