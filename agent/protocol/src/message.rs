//! `POST /api/message`.

use serde::{Deserialize, Serialize};

use crate::attachment::{ReplyAttachment, SentAttachment};

/// A message to an agent.
///
/// With `Accept: text/event-stream` the answer is a stream of [`StreamFrame`]s, else one
/// [`MessageReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageRequest {
    /// The sender's identifier of this message. Sending the same one again attaches to the turn
    /// that it began, running or finished. Absent: the agent makes one up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who speaks.
    pub from_agent: String,
    /// What is said; may be empty when there are attachments. `/stop` and `/new` are commands.
    pub message: String,
    /// Files that come with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<SentAttachment>,
    /// The conversation that it belongs to. Absent: one per sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// `false`: answer 202 as soon as the message is stored.
    #[serde(default = "yes")]
    pub wait_for_response: bool,
    /// How long to wait for the reply, in milliseconds; the turn goes on after it. A stream waits
    /// until the reply is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

fn yes() -> bool {
    true
}

/// The reply of a turn.
///
/// HTTP 200 when `outcome` is `completed`, `interrupted` or `limit_reached`; 502 when it is
/// `failed`. When the wait ends first the answer is an [`ErrorReply`] with 504, and the turn goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageReply {
    /// The identifier of the message; send it again to attach.
    pub id: String,
    /// The agent that answers.
    pub agent: String,
    /// Who asked.
    pub from_agent: String,
    /// The reply.
    pub response: String,
    /// Files that go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<ReplyAttachment>,
    /// How the turn ended.
    pub outcome: Outcome,
    /// Why it did not complete; absent when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Tokens read by the model.
    #[serde(default)]
    pub input_tokens: u64,
    /// Tokens written by the model.
    #[serde(default)]
    pub output_tokens: u64,
    /// Milliseconds since the Unix epoch, on the agent's clock.
    pub timestamp: i64,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The model said its last word.
    Completed,
    /// A person stopped it.
    Interrupted,
    /// A cap was reached.
    LimitReached,
    /// It could not go on.
    Failed,
    /// It was a command, not a turn.
    Command,
}

/// One event of a streamed reply; the SSE event name is the tag, the data is the JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StreamFrame {
    /// The message is stored; `id` attaches to it.
    Accepted {
        /// The identifier of the message.
        id: String,
    },
    /// The text so far replaces what was shown.
    Snapshot {
        /// Everything said until now.
        text: String,
    },
    /// More text.
    Text {
        /// What to append.
        text: String,
    },
    /// More reasoning.
    Reasoning {
        /// What to append.
        text: String,
    },
    /// A tool starts.
    ToolStart {
        /// Its name.
        name: String,
        /// Its arguments in one line.
        summary: String,
    },
    /// A tool ended.
    ToolEnd {
        /// Its name.
        name: String,
        /// Whether it did its work.
        ok: bool,
        /// What it said in one line.
        summary: String,
    },
    /// A person has to decide about a tool call: `/approve CALL` or `/deny CALL`. The turn waits.
    Asked {
        /// The name of the call.
        call: String,
        /// The tool.
        tool: String,
        /// Its arguments as the model wrote them, but for the secrets in them.
        arguments: String,
    },
    /// Something worth knowing.
    Status {
        /// One line.
        text: String,
    },
    /// The reply. Nothing follows.
    Done {
        /// The whole reply.
        reply: MessageReply,
    },
}

/// The body of every answer with an error status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReply {
    /// `FAMILY_REASON`.
    pub code: String,
    /// For the person.
    pub error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_original_body_is_understood() {
        let request: MessageRequest =
            serde_json::from_str(r#"{"fromAgent":"grok","message":"hi","future":1}"#).unwrap();
        assert!(request.wait_for_response);
        assert_eq!(request.from_agent, "grok");
        assert_eq!(request.id, None);
    }

    #[test]
    fn frames_carry_their_name() {
        let frame = StreamFrame::Text {
            text: "a\nb".into(),
        };
        assert_eq!(
            serde_json::to_string(&frame).unwrap(),
            r#"{"type":"text","text":"a\nb"}"#
        );
    }
}
