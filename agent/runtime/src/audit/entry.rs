//! One line of the log.

use rivetos_core::redact::Redactor;
use rivetos_types::time::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::day::instant;

/// The longest text in the arguments of a call, in bytes.
const VALUE_BYTES_MAX: usize = 500;

/// The longest arguments of a call, in bytes.
const ARGUMENTS_BYTES_MAX: usize = 4096;

/// Parts of names whose values are secrets, whatever they look like.
const SECRET_NAMES: [&str; 6] = [
    "password",
    "passwd",
    "token",
    "secret",
    "apikey",
    "privatekey",
];

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuditEvent {
    /// A tool is about to run.
    ToolStarted,
    /// A tool ended, or was ended.
    ToolEnded,
    /// A call was not run.
    ToolDenied,
    /// A person is asked about a call.
    ApprovalAsked,
    /// Somebody decided about one.
    ApprovalDecided,
    /// Somebody ordered something that changes a session or a turn.
    Command,
    /// Somebody ordered what only the owner may.
    CommandRefused,
    /// No model was asked, because the budget is used up.
    BudgetRefused,
    /// Older turns are about to become a summary.
    #[serde(rename = "compact:before")]
    CompactBefore,
    /// What became of them.
    #[serde(rename = "compact:after")]
    CompactAfter,
}

/// What was decided about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Approved,
    /// By a person.
    Denied,
    /// By a person who stopped the turn.
    Stopped,
    /// By nobody, in time.
    Expired,
    /// By the policy of the tool.
    Policy,
    /// By the bound on calls of one answer.
    Limit,
}

/// One line of the log.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    #[serde(serialize_with = "as_instant")]
    pub(crate) timestamp: Timestamp,
    pub(crate) event: AuditEvent,
    pub(crate) agent: String,
    pub(crate) session: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) turn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) arguments: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decision: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_error: Option<bool>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn as_instant<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&instant(*at))
}

/// A text of the log: without secrets, and not too long.
pub(super) fn words(redactor: &Redactor, text: &str) -> String {
    cut(redactor.redact(text).into_owned(), VALUE_BYTES_MAX)
}

impl Entry {
    /// The arguments of a call, without secrets, each text cut.
    #[must_use]
    pub(crate) fn with_arguments(self, redactor: &Redactor, arguments: &str) -> Self {
        let mut value =
            serde_json::from_str(arguments).unwrap_or_else(|_| Value::String(arguments.to_owned()));
        clean(redactor, &mut value);
        // Secrets are gone by now, so that none is cut into something that is no longer found.
        let text = value.to_string();
        if text.len() > ARGUMENTS_BYTES_MAX {
            value = Value::String(cut(text, ARGUMENTS_BYTES_MAX));
        }
        Self {
            arguments: Some(value),
            ..self
        }
    }

    /// Why, in words.
    #[must_use]
    pub(crate) fn because(self, redactor: &Redactor, reason: &str) -> Self {
        Self {
            reason: Some(words(redactor, reason)),
            ..self
        }
    }
}

/// A value is never deeper than the parser's own bound of 128.
fn clean(redactor: &Redactor, value: &mut Value) {
    match value {
        Value::String(text) => *text = words(redactor, text),
        Value::Array(values) => values.iter_mut().for_each(|value| clean(redactor, value)),
        Value::Object(fields) => {
            for (name, value) in fields {
                if is_secret(name) {
                    *value = Value::String("[redacted: by its name]".to_owned());
                } else {
                    clean(redactor, value);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `apiKey`, `API_KEY` and `api-key` are the same name.
fn is_secret(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    plain == "key" || SECRET_NAMES.iter().any(|part| plain.contains(part))
}

fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max));
        text.push('…');
    }
    text
}
