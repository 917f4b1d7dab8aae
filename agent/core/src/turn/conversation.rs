//! The form that every conversation with a model has.

use std::collections::BTreeSet;

use rivetos_types::message::{ContentPart, Message};
use thiserror::Error;

/// Why a conversation cannot be sent to a model.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConversationError {
    /// It is empty or does not start with the person.
    #[error("the conversation does not start with the person")]
    NotStartedByUser,
    /// It ends with the model: there is nothing to answer.
    #[error("the conversation ends with the model")]
    NothingToAnswer,
    /// Two calls of one answer have the same identifier.
    #[error("two calls have the identifier `{0}`")]
    SameCallTwice(String),
    /// A call has no result before the next message.
    #[error("the call `{0}` has no result")]
    Unanswered(String),
    /// A result belongs to no open call, or its call has a result already.
    #[error("the result `{0}` belongs to no open call")]
    Unasked(String),
}

/// Checks what vendors demand of a request: the person starts, and each call is answered by
/// exactly one result before anybody else speaks.
pub fn check_conversation(messages: &[Message]) -> Result<(), ConversationError> {
    if !matches!(messages.first(), Some(Message::User { .. })) {
        return Err(ConversationError::NotStartedByUser);
    }
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for message in messages {
        if let Message::Tool(result) = message {
            if !open.remove(result.call_id.as_str()) {
                return Err(ConversationError::Unasked(result.call_id.clone()));
            }
            continue;
        }
        none_open(&open)?;
        if let Message::Assistant { tool_calls, .. } = message {
            for call in tool_calls {
                if !open.insert(&call.id) {
                    return Err(ConversationError::SameCallTwice(call.id.clone()));
                }
            }
        }
    }
    none_open(&open)?;
    match messages.last() {
        Some(Message::Assistant { .. }) => Err(ConversationError::NothingToAnswer),
        Some(Message::User { .. } | Message::Tool(_)) | None => Ok(()),
    }
}

fn none_open(open: &BTreeSet<&str>) -> Result<(), ConversationError> {
    open.first().map_or(Ok(()), |id| {
        Err(ConversationError::Unanswered((*id).to_owned()))
    })
}

/// Drops the oldest whole turns of a history that is longer than `bytes_max`.
///
/// It then cuts to half of that, so that the start of the conversation, which vendors cache,
/// stays the same for many turns. Returns what the rest takes, in bytes.
pub fn cut_history(history: &mut Vec<Message>, bytes_max: usize) -> usize {
    let mut rest: usize = history.iter().map(bytes_of).sum();
    if rest <= bytes_max {
        return rest;
    }
    let mut keep_from = history.len();
    for (at, message) in history.iter().enumerate() {
        if matches!(message, Message::User { .. }) && rest <= bytes_max / 2 {
            keep_from = at;
            break;
        }
        rest -= bytes_of(message);
    }
    history.drain(..keep_from);
    rest
}

/// What a message costs beside its text: names and brackets in the request, fields in memory.
const FRAME_BYTES: usize = 128;

pub(super) fn bytes_of(message: &Message) -> usize {
    FRAME_BYTES + text_bytes_of(message)
}

fn text_bytes_of(message: &Message) -> usize {
    match message {
        Message::User { content } => content_bytes_of(content),
        Message::Assistant {
            content,
            tool_calls,
        } => {
            let calls = tool_calls
                .iter()
                .map(|call| call.name.len() + call.arguments.len());
            content_bytes_of(content) + calls.sum::<usize>()
        }
        Message::Tool(result) => result.content.len(),
    }
}

fn content_bytes_of(content: &[ContentPart]) -> usize {
    content.iter().map(|part| part.words().len()).sum()
}

#[cfg(test)]
mod tests {
    use rivetos_types::message::{ToolCall, ToolResult, ToolStatus};

    use super::*;

    fn calls(ids: &[&str]) -> Message {
        let call = |id: &&str| ToolCall {
            id: (*id).into(),
            name: "shell".into(),
            arguments: "{}".into(),
        };
        Message::Assistant {
            content: vec![],
            tool_calls: ids.iter().map(call).collect(),
        }
    }

    fn result(id: &str) -> Message {
        Message::Tool(ToolResult {
            files: Vec::new(),
            call_id: id.into(),
            content: "done".into(),
            status: ToolStatus::Ok,
        })
    }

    #[test]
    fn broken_conversations_are_named() {
        use ConversationError as E;
        let user = || Message::user("hi");
        for (messages, expected) in [
            (vec![user()], Ok(())),
            (
                vec![user(), calls(&["a", "b"]), result("b"), result("a")],
                Ok(()),
            ),
            (vec![], Err(E::NotStartedByUser)),
            (vec![Message::assistant("hi")], Err(E::NotStartedByUser)),
            (
                vec![user(), Message::assistant("hi")],
                Err(E::NothingToAnswer),
            ),
            (vec![user(), calls(&["a"])], Err(E::Unanswered("a".into()))),
            (
                vec![user(), calls(&["a"]), user()],
                Err(E::Unanswered("a".into())),
            ),
            (
                vec![user(), calls(&["a", "a"])],
                Err(E::SameCallTwice("a".into())),
            ),
            (vec![user(), result("a")], Err(E::Unasked("a".into()))),
            (
                vec![user(), calls(&["a"]), result("a"), result("a")],
                Err(E::Unasked("a".into())),
            ),
        ] {
            assert_eq!(check_conversation(&messages), expected, "{messages:?}");
        }
    }

    #[test]
    fn whole_turns_are_cut_to_half_the_budget() {
        let turn = || [Message::user("x".repeat(10)), calls(&["a"]), result("a")];
        let mut history: Vec<Message> = (0..10).flat_map(|_| turn()).collect();
        let bytes: usize = history.iter().map(bytes_of).sum();
        cut_history(&mut history, bytes);
        assert_eq!(history.len(), 30, "what fits stays");
        assert_eq!(cut_history(&mut history, bytes - 1), bytes * 12 / 30);
        assert_eq!(history.len(), 12, "four of ten turns are at most half");
        assert!(check_conversation(&history).is_ok());
        cut_history(&mut history, 1);
        assert!(history.is_empty());
    }
}
