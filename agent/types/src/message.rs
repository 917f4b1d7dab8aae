//! What models, people and tools say to each other.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::channel::Address;
use crate::id::{ChannelId, ExternalId, SessionId, TurnId};
use crate::media::Attachment;
use crate::time::Timestamp;

/// A piece of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContentPart {
    /// Plain or Markdown text.
    Text {
        /// The text itself.
        text: String,
    },
    /// A file.
    Attachment(Attachment),
    /// What only a vendor can read.
    Vendor(VendorBlock),
}

/// A block of an answer that its vendor wants back unchanged with the rest of the conversation:
/// signed reasoning, calls that the vendor ran by itself. Nobody else reads it, no person sees
/// it, and another model does not get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorBlock {
    /// The kind of the model provider that wrote it, for example `anthropic`.
    pub vendor: String,
    /// The model that said it.
    pub model: String,
    /// The block as the vendor's codec wants it back.
    pub block: Value,
}

impl VendorBlock {
    /// The block, for a request to this model of this vendor.
    pub fn read_by(&self, vendor: &str, model: &str) -> Option<&Value> {
        (self.vendor == vendor && self.model == model).then_some(&self.block)
    }
}

impl ContentPart {
    /// A text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The file that it is, if it is one.
    pub fn attachment(&self) -> Option<&Attachment> {
        match self {
            Self::Text { .. } | Self::Vendor(_) => None,
            Self::Attachment(attachment) => Some(attachment),
        }
    }

    /// The part in words: the text itself, or a description of the file on lines of its own.
    pub fn words(&self) -> Cow<'_, str> {
        match self {
            Self::Text { text } => Cow::Borrowed(text),
            Self::Attachment(attachment) => format!("\n\n{}", attachment.described()).into(),
            Self::Vendor(_) => Cow::Borrowed(""),
        }
    }
}

/// The text of all text parts, joined: what was typed.
pub fn text_of(content: &[ContentPart]) -> String {
    content
        .iter()
        .map(|part| match part {
            ContentPart::Text { text } => text.as_str(),
            ContentPart::Attachment(_) | ContentPart::Vendor(_) => "",
        })
        .collect()
}

/// All parts in words, joined: what somebody reads who cannot see.
pub fn words_of(content: &[ContentPart]) -> String {
    content.iter().map(ContentPart::words).collect()
}

/// One entry of a conversation with a model.
///
/// Invariant of every conversation sent to a model: it starts with `User`, and each call of an
/// `Assistant` message is answered by exactly one `Tool` message before the next `Assistant`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// From the person or peer agent.
    User {
        /// What was said.
        content: Vec<ContentPart>,
    },
    /// From the model.
    Assistant {
        /// What was said; may be empty when only tools are called.
        content: Vec<ContentPart>,
        /// The tools that the model wants called, in its order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<ToolCall>,
    },
    /// What a tool answered.
    Tool(ToolResult),
}

impl Message {
    /// A message of the person with one text part.
    pub fn user(text: impl Into<String>) -> Self {
        Self::User {
            content: vec![ContentPart::text(text)],
        }
    }

    /// A message of the model with one text part and no calls.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::Assistant {
            content: vec![ContentPart::text(text)],
            tool_calls: Vec::new(),
        }
    }
}

/// A model's wish to run a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's identifier of this call; the result carries it back.
    pub id: String,
    /// Which tool.
    pub name: String,
    /// The arguments exactly as the model wrote them: JSON text, possibly broken.
    pub arguments: String,
}

/// The longest name of a tool that every vendor takes, in bytes.
const NAME_BYTES_MAX: usize = 64;

impl ToolCall {
    /// The name in letters that every vendor takes in a conversation, `[A-Za-z0-9_-]`, not a digit
    /// or a dash first: models make up names that their own vendor would not take back.
    pub fn plain_name(&self) -> Cow<'_, str> {
        let takes = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
        let name = self.name.as_str();
        if name.len() <= NAME_BYTES_MAX && name.starts_with(starts) && name.chars().all(takes) {
            return name.into();
        }
        let plain = name.chars().map(|c| if takes(c) { c } else { '_' });
        let first = (!name.starts_with(starts)).then_some('_');
        first
            .into_iter()
            .chain(plain)
            .take(NAME_BYTES_MAX)
            .collect()
    }
}

/// The answer to one [`ToolCall`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The `id` of the call.
    pub call_id: String,
    /// What the model gets to read.
    pub content: String,
    /// How the call ended.
    pub status: ToolStatus,
    /// What goes to the person with the reply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
}

/// How a tool call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolStatus {
    /// The tool did its work.
    Ok,
    /// The tool refused or failed in a way that the model can react to.
    Error,
    /// The process died while a mutating tool ran: its effect is unknown and it was not repeated.
    Unknown,
    /// The turn was stopped before the tool ran or finished.
    Stopped,
    /// Policy or a person did not allow the call; it did not run.
    Denied,
}

/// What somebody may order, beside talking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// What concerns the own session.
    #[default]
    Guest,
    /// Everything: it is the owner's agent.
    Owner,
    /// The agent itself, which has something to tell: the message is its own reply, word for word,
    /// and no model is asked.
    Agent,
}

/// A message as a channel received it. Unique by (`channel`, `id`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundMessage {
    /// Where it came in.
    pub channel: ChannelId,
    /// The other side's identifier; the inbox deduplicates by it.
    pub id: ExternalId,
    /// The conversation that it belongs to.
    pub session: SessionId,
    /// Who said it, for example `operator` or `agent:grok`.
    pub from: String,
    /// What that one may order. The channel says so; nobody claims it.
    #[serde(default)]
    pub authority: Authority,
    /// Where the reply goes, in a channel that pushes; kept, so that another process can deliver it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Box<Address>>,
    /// What was said.
    pub content: Vec<ContentPart>,
    /// When the channel received it.
    pub received_at: Timestamp,
}

impl InboundMessage {
    /// The turn that answers this message.
    pub fn turn(&self) -> TurnId {
        TurnId::of(&self.channel, &self.id)
    }
}

/// A finished reply: one row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboundMessage {
    /// The turn that it answers.
    pub turn: TurnId,
    /// Where it goes.
    pub channel: ChannelId,
    /// The conversation that it belongs to.
    pub session: SessionId,
    /// Where in the channel, when the channel pushes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Box<Address>>,
    /// The reply; never empty for a turn that completed.
    pub text: String,
    /// Files that go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
    /// How the turn ended.
    pub outcome: TurnOutcome,
    /// What the turn cost.
    pub usage: TokenUsage,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum TurnOutcome {
    /// The model said its last word.
    Completed,
    /// A person stopped it.
    Interrupted,
    /// A cap was reached; `reason` says which, for the person.
    LimitReached {
        /// Which cap, with its value and unit.
        reason: String,
    },
    /// It could not go on; `reason` is for the person.
    Failed {
        /// What failed.
        reason: String,
    },
}

/// Tokens of one or more model requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Tokens read by the model, cached ones included.
    pub input: u64,
    /// Tokens written by the model.
    pub output: u64,
    /// The part of `input` that came from the vendor's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_read: u64,
    /// The part of `input` that was put into the vendor's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write: u64,
    /// The part of `output` that was reasoning, where the vendor counts it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reasoning: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_zero(tokens: &u64) -> bool {
    *tokens == 0
}

impl TokenUsage {
    /// The sum of both; saturates.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_names_become_plain() {
        let plain = |name: &str| {
            let (id, arguments) = (String::new(), String::new());
            let name = name.to_owned();
            let call = ToolCall {
                id,
                name,
                arguments,
            };
            call.plain_name().into_owned()
        };
        for (name, expected) in [
            ("file_read", "file_read"),
            ("functions.shell:0", "functions_shell_0"),
            ("läs", "l_s"),
            ("", "_"),
            ("7zip", "_7zip"),
        ] {
            assert_eq!(plain(name), expected);
        }
        assert_eq!(plain(&"x".repeat(99)), "x".repeat(64));
    }
}
