//! What happens to a turn, and the text in which it is journaled.

use rivetos_types::message::{TokenUsage, ToolCall, ToolResult};
use rivetos_types::model::StopReason;
use rivetos_types::store::{Checkpoint, CheckpointKind};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The version of [`Checkpoint::body`] that is written.
const VERSION: u32 = 1;

/// Something that happened. `elapsed_ms` is the time spent on the turn until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum TurnInput {
    /// The model gave a whole answer.
    Answered {
        /// What it said.
        text: String,
        /// What it wants called.
        calls: Vec<ToolCall>,
        /// Why it stopped.
        stop: StopReason,
        /// What the answer cost.
        usage: TokenUsage,
        /// Time spent.
        elapsed_ms: u64,
    },
    /// A mutating tool is about to run. Journaled before it does.
    ToolStarted {
        /// The call.
        call_id: String,
    },
    /// A tool answered.
    ToolEnded {
        /// Its answer.
        result: ToolResult,
        /// Time spent.
        elapsed_ms: u64,
    },
    /// The process that worked on the turn died, and another one took it over.
    Restored,
    /// The turn was ended from outside.
    Aborted {
        /// By what.
        by: Abort,
        /// What the model had said of its present answer.
        partial: String,
    },
    /// Model or tool failed for good.
    Failed {
        /// For the person.
        reason: String,
        /// What the model had said of its present answer.
        partial: String,
    },
}

/// What ends a turn from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Abort {
    /// A person.
    Person,
    /// The clock.
    Time,
    /// The model did not stop writing.
    AnswerBytes,
}

/// Why a journal cannot be continued.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Another version of the program wrote it.
    #[error("the journal has version {found}, this version understands {VERSION}")]
    Version {
        /// Of the entry.
        found: u32,
    },
    /// The text is damaged.
    #[error("the journal cannot be read")]
    Damaged(#[source] serde_json::Error),
}

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    #[serde(flatten)]
    input: &'a TurnInput,
}

#[derive(Deserialize)]
struct VersionOnly {
    v: u32,
}

/// The journal entry of an input.
pub fn encode(input: &TurnInput) -> Result<Checkpoint, JournalError> {
    let kind = match input {
        TurnInput::Answered { .. } | TurnInput::Aborted { .. } | TurnInput::Failed { .. } => {
            CheckpointKind::AfterModel
        }
        TurnInput::ToolStarted { .. } => CheckpointKind::BeforeMutatingTool,
        TurnInput::ToolEnded { .. } | TurnInput::Restored => CheckpointKind::AfterTool,
    };
    let body =
        serde_json::to_string(&Written { v: VERSION, input }).map_err(JournalError::Damaged)?;
    Ok(Checkpoint { kind, body })
}

/// The input of a journal entry.
pub fn decode(checkpoint: &Checkpoint) -> Result<TurnInput, JournalError> {
    let VersionOnly { v } =
        serde_json::from_str(&checkpoint.body).map_err(JournalError::Damaged)?;
    if v != VERSION {
        return Err(JournalError::Version { found: v });
    }
    serde_json::from_str(&checkpoint.body).map_err(JournalError::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_stable() {
        let started = TurnInput::ToolStarted {
            call_id: "c1".into(),
        };
        let checkpoint = encode(&started).unwrap();
        assert_eq!(checkpoint.kind, CheckpointKind::BeforeMutatingTool);
        assert_eq!(
            checkpoint.body,
            r#"{"v":1,"input":"tool_started","call_id":"c1"}"#
        );
        assert_eq!(decode(&checkpoint).unwrap(), started);
    }

    #[test]
    fn a_foreign_version_is_told_from_damage() {
        let read = |body: &str| {
            decode(&Checkpoint {
                kind: CheckpointKind::AfterTool,
                body: body.into(),
            })
        };
        assert!(matches!(
            read(r#"{"v":2,"input":"x"}"#),
            Err(JournalError::Version { found: 2 })
        ));
        assert!(matches!(
            read(r#"{"v":1,"input":"x"}"#),
            Err(JournalError::Damaged(_))
        ));
        assert!(matches!(read(""), Err(JournalError::Damaged(_))));
    }
}
