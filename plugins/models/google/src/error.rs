//! What the vendor says when it refuses.

use std::time::Duration;

use rivetos_http::{Refusal, words};
use rivetos_types::model::ModelError;
use serde_json::Value;

/// The error that a refusal is.
pub fn of_refusal(refusal: &Refusal) -> ModelError {
    let Some(said) = refusal.json().as_ref().and_then(Said::of) else {
        return kind(
            refusal.status,
            refusal.message(None, None),
            &Said::default(),
            refusal,
        );
    };
    let message = refusal.message(said.message.as_deref(), said.code.as_deref());
    kind(refusal.status, message, &said, refusal)
}

/// The error that an event of a stream names.
pub(crate) fn in_stream(error: &Value) -> ModelError {
    let said = Said::of_error(error);
    let message = match &said.message {
        Some(message) => words(message),
        None => words(&error.to_string()),
    };
    let refusal = Refusal::new(said.status.unwrap_or(500), "");
    kind(refusal.status, message, &said, &refusal)
}

fn kind(status: u16, message: String, said: &Said, refusal: &Refusal) -> ModelError {
    if is_too_long(status, &message) {
        return ModelError::TooLong { message };
    }
    if is_about_attachments(status, &message) {
        return ModelError::ImagesRefused { message };
    }
    if refusal.may_pass() && !said.spent {
        return ModelError::Transient {
            message,
            retry_after_ms: said.retry_after_ms.or(refusal.retry_after_ms),
        };
    }
    // The vendor says so with 400.
    let is_about_key = said.code.as_deref() == Some("API_KEY_INVALID");
    ModelError::Fatal {
        status: Some(if is_about_key { 401 } else { status }),
        message,
    }
}

fn is_too_long(status: u16, message: &str) -> bool {
    let message = message.to_lowercase();
    let words = ["input token count", "context window", "too many tokens"];
    matches!(status, 400 | 413) && words.iter().any(|word| message.contains(word))
}

fn is_about_attachments(status: u16, message: &str) -> bool {
    let message = message.to_lowercase();
    let words = [
        "image",
        "document",
        "pdf",
        "mime type",
        "mimetype",
        "inline_data",
        "inlinedata",
    ];
    matches!(status, 400 | 415) && words.iter().any(|word| message.contains(word))
}

/// An error of Google's APIs, as far as it concerns us.
#[derive(Debug, Default)]
struct Said {
    status: Option<u16>,
    message: Option<String>,
    /// The reason where there is one, which says more than the status.
    code: Option<String>,
    retry_after_ms: Option<u64>,
    /// A quota of a day is used up: waiting a minute does not help.
    spent: bool,
}

impl Said {
    /// The error of a body; some endpoints put it into a list.
    fn of(json: &Value) -> Option<Self> {
        let error = json.get(0).unwrap_or(json).get("error")?;
        (!error.is_null()).then(|| Self::of_error(error))
    }

    fn of_error(error: &Value) -> Self {
        let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
        let code = error.get("code").and_then(Value::as_u64);
        let mut said = Self {
            status: code.and_then(|code| code.try_into().ok()),
            message: text("message").or_else(|| error.as_str().map(str::to_owned)),
            code: text("status"),
            ..Self::default()
        };
        let details = error.get("details").and_then(Value::as_array);
        for detail in details.into_iter().flatten() {
            said.detail(detail);
        }
        said
    }

    fn detail(&mut self, detail: &Value) {
        let kind = detail
            .get("@type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if kind.ends_with("ErrorInfo") {
            let reason = detail.get("reason").and_then(Value::as_str);
            self.code = reason.map(str::to_owned).or(self.code.take());
        } else if kind.ends_with("RetryInfo") {
            let delay = detail.get("retryDelay").and_then(Value::as_str);
            self.retry_after_ms = delay.and_then(milliseconds);
        } else if kind.ends_with("QuotaFailure") {
            let violations = detail.get("violations").and_then(Value::as_array);
            let daily = |violation: &Value| {
                let quota = violation.get("quotaId").and_then(Value::as_str);
                quota.is_some_and(|quota| quota.contains("PerDay"))
            };
            self.spent = violations.into_iter().flatten().any(daily);
        }
    }
}

/// `34.074824224s`
fn milliseconds(delay: &str) -> Option<u64> {
    let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
    let delay = Duration::try_from_secs_f64(seconds).ok()?;
    delay.as_millis().try_into().ok()
}

#[cfg(test)]
mod tests;
