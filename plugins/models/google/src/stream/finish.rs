//! Why the vendor stopped.

use rivetos_http::words;
use rivetos_types::model::ModelError;

use super::wire::{Blocked, PromptFeedback};

/// An end that is an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finish {
    Said,
    Length,
    /// Why, in the vendor's words.
    Filtered(String),
}

/// The vendor did not let the model read the prompt: there is no candidate.
pub(super) fn block_reason(feedback: &PromptFeedback) -> Option<Finish> {
    match feedback.block_reason.as_deref() {
        None | Some("BLOCK_REASON_UNSPECIFIED") => None,
        Some(reason) => {
            let said = feedback.block_reason_message.as_deref();
            let why = filtered(reason, said, feedback.safety_ratings.as_ref());
            Some(Finish::Filtered(format!("the prompt was blocked: {why}")))
        }
    }
}

/// `SAFETY (HARM_CATEGORY_HARASSMENT): …`
fn filtered(reason: &str, said: Option<&str>, blocked: Option<&Blocked>) -> String {
    let categories = blocked.map_or("", |blocked| &blocked.categories);
    let categories = match categories {
        "" => String::new(),
        categories => format!(" ({categories})"),
    };
    let said = said.filter(|said| !said.is_empty());
    let said = said.map_or_else(String::new, |said| format!(": {said}"));
    words(&format!("{reason}{categories}{said}"))
}

/// What a finish reason means; `None` when it says nothing.
pub(super) fn finish_reason(
    reason: &str,
    said: Option<&str>,
    blocked: Option<&Blocked>,
) -> Result<Option<Finish>, ModelError> {
    let message = || match said {
        Some(said) if !said.is_empty() => {
            format!("the vendor stopped with `{reason}`: {}", words(said))
        }
        Some(_) | None => format!("the vendor stopped with `{reason}`"),
    };
    match reason {
        "FINISH_REASON_UNSPECIFIED" => Ok(None),
        "MAX_TOKENS" => Ok(Some(Finish::Length)),
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Ok(Some(Finish::Filtered(filtered(reason, said, blocked)))),
        // The model wrote a call that is none. It does not do so each time.
        "MALFORMED_FUNCTION_CALL" | "MALFORMED_RESPONSE" | "UNEXPECTED_TOOL_CALL" => {
            Err(ModelError::Transient {
                message: message(),
                retry_after_ms: None,
            })
        }
        // Our conversation is wrong, and will be next time.
        "MISSING_THOUGHT_SIGNATURE" => Err(ModelError::Fatal {
            status: None,
            message: message(),
        }),
        "OTHER" | "TOO_MANY_TOOL_CALLS" | "IMAGE_OTHER" | "NO_IMAGE" => {
            Err(ModelError::Incomplete { message: message() })
        }
        // `STOP`, and whatever the vendor invents.
        _ => Ok(Some(Finish::Said)),
    }
}
