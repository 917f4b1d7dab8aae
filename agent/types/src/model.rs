//! The port to a language model.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::BoxStream;
use crate::media::FileDigest;
use crate::message::{Message, TokenUsage, ToolCall, VendorBlock};
use crate::store::Thinking;
use crate::tool::ToolSpec;

/// What talks to a language model.
///
/// # Guarantees
/// - The stream yields any number of other events, then exactly one `Done`, then ends; or it yields one `Err` and ends. A stream that ends without `Done` or
///   `Err` does not exist: a body that breaks off is [`ModelError::Incomplete`].
/// - Dropping the stream closes the connection at once.
///
/// # Assumptions
/// - `request.messages` keeps the invariant of [`Message`].
pub trait ModelProvider: Send + Sync {
    /// The name in the `providers:` section, for messages.
    fn name(&self) -> &str;

    /// Sends one request. Nothing is sent before the first poll.
    fn stream(&self, request: ModelRequest) -> BoxStream<'_, Result<StreamEvent, ModelError>>;
}

/// One request to a model. A copy shares what is large: it goes to one model after the other until
/// one answers.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRequest {
    /// The system prompt; byte-stable within a session, so that vendors can cache it.
    pub system: Arc<str>,
    /// The conversation, oldest first.
    pub messages: Arc<Vec<Message>>,
    /// The bytes of those attachments that the model is to see, images and documents. It reads
    /// about the others, and about those that its provider cannot show it.
    pub images: BTreeMap<FileDigest, Arc<[u8]>>,
    /// The tools that may be called, in a stable order.
    pub tools: Arc<[ToolSpec]>,
    /// Which model is to answer; absent: the one that the provider was made for.
    pub model: Option<String>,
    /// How much the model is to think; absent: as the provider does by itself.
    pub thinking: Option<Thinking>,
}

/// What a model says, piece by piece.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamEvent {
    /// More of the answer.
    Text(String),
    /// More of the reasoning; never part of the answer.
    Reasoning(String),
    /// A complete call.
    ToolCall(ToolCall),
    /// What goes back to the vendor as it is, at this place of the answer.
    Vendor(VendorBlock),
    /// The protocol's terminal event. Nothing follows.
    Done {
        /// Why the model stopped.
        stop: StopReason,
        /// What the request cost.
        usage: TokenUsage,
    },
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenStop", into = "WrittenStop")]
pub enum StopReason {
    /// It said its last word.
    End,
    /// It wants tools called.
    ToolUse,
    /// The output limit cut it off.
    Length,
    /// The vendor's filter cut it off; why, for the person, where the vendor says so.
    ContentFilter(Option<String>),
    /// The model refused to answer; why, where the vendor says so beside the answer.
    Refusal(Option<String>),
    /// The vendor paused a long answer: the same conversation, sent again, goes on.
    Pause,
}

/// A [`StopReason`] as it is written: a word, and what was said about it where something was.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenStop {
    Plain(StopWord),
    Explained { stop: StopWord, explanation: String },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StopWord {
    End,
    ToolUse,
    Length,
    ContentFilter,
    Refusal,
    Pause,
}

impl From<WrittenStop> for StopReason {
    fn from(written: WrittenStop) -> Self {
        let (word, explanation) = match written {
            WrittenStop::Plain(word) => (word, None),
            WrittenStop::Explained { stop, explanation } => (stop, Some(explanation)),
        };
        match word {
            StopWord::End => Self::End,
            StopWord::ToolUse => Self::ToolUse,
            StopWord::Length => Self::Length,
            StopWord::ContentFilter => Self::ContentFilter(explanation),
            StopWord::Refusal => Self::Refusal(explanation),
            StopWord::Pause => Self::Pause,
        }
    }
}

impl From<StopReason> for WrittenStop {
    fn from(reason: StopReason) -> Self {
        let (stop, explanation) = match reason {
            StopReason::End => (StopWord::End, None),
            StopReason::ToolUse => (StopWord::ToolUse, None),
            StopReason::Length => (StopWord::Length, None),
            StopReason::ContentFilter(explanation) => (StopWord::ContentFilter, explanation),
            StopReason::Refusal(explanation) => (StopWord::Refusal, explanation),
            StopReason::Pause => (StopWord::Pause, None),
        };
        match explanation {
            None => Self::Plain(stop),
            Some(explanation) => Self::Explained { stop, explanation },
        }
    }
}

impl ModelError {
    /// The same error in other words.
    #[must_use]
    pub fn map_message(mut self, words: impl FnOnce(&str) -> String) -> Self {
        match &mut self {
            Self::Transient { message, .. }
            | Self::TooLong { message }
            | Self::ImagesRefused { message }
            | Self::Incomplete { message }
            | Self::Fatal { message, .. } => *message = words(message),
        }
        self
    }
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ModelError {
    /// Worth another try: overloaded, rate limited, or the connection failed before an answer.
    #[error("{message}")]
    Transient {
        /// For the log and the person.
        message: String,
        /// How long the vendor asks to wait, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// The conversation is longer than the model can read.
    #[error("the conversation is too long for the model: {message}")]
    TooLong {
        /// For the log and the person.
        message: String,
    },
    /// The endpoint does not take images or documents, or not one of these.
    #[error("the attachments were refused: {message}")]
    ImagesRefused {
        /// For the log and the person.
        message: String,
    },
    /// The answer broke off before the terminal event.
    #[error("the answer broke off: {message}")]
    Incomplete {
        /// Where it broke off.
        message: String,
    },
    /// Trying again would not help: wrong key, unknown model, request refused.
    #[error("{message}")]
    Fatal {
        /// HTTP status, where there was one.
        status: Option<u16>,
        /// For the log and the person.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_form_of_a_stop_is_stable() {
        let explained = StopReason::Refusal(Some("too risky".into()));
        for (stop, written) in [
            (StopReason::ToolUse, r#""tool_use""#),
            (StopReason::ContentFilter(None), r#""content_filter""#),
            (explained, r#"{"stop":"refusal","explanation":"too risky"}"#),
        ] {
            assert_eq!(serde_json::to_string(&stop).unwrap(), written);
            assert_eq!(serde_json::from_str::<StopReason>(written).unwrap(), stop);
        }
    }
}
