//! Why the vendor stopped.

use rivetos_http::words;
use rivetos_types::model::ModelError;

use super::wire::PromptFeedback;

/// An end that is an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Said,
    Length,
    Filtered,
}

/// The vendor did not let the model read the prompt: there is no candidate.
pub(super) fn block_reason(feedback: &PromptFeedback) -> Option<Finish> {
    match feedback.block_reason.as_deref() {
        None | Some("BLOCK_REASON_UNSPECIFIED") => None,
        Some(_) => Some(Finish::Filtered),
    }
}

/// What a finish reason means; `None` when it says nothing.
pub(super) fn finish_reason(
    reason: &str,
    said: Option<&str>,
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
        | "IMAGE_RECITATION" => Ok(Some(Finish::Filtered)),
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
