//! What happens to a turn, and the text in which it is journaled.

use rivetos_types::message::{ContentPart, TokenUsage, ToolCall, ToolResult};
use rivetos_types::model::StopReason;
use rivetos_types::store::{CallHash, Checkpoint, Decision};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The version of [`Checkpoint::body`] that is written.
const VERSION: u32 = 3;

/// Something that happened. `elapsed_ms` is the time spent on the turn until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum TurnInput {
    /// The model gave a whole answer.
    Answered {
        /// What it said, in its order.
        content: Vec<ContentPart>,
        /// What it wants called.
        calls: Vec<ToolCall>,
        /// Why it stopped.
        stop: StopReason,
        /// What the answer cost, in tokens.
        usage: TokenUsage,
        /// What it cost by the price table, in millionths of a US dollar.
        micro_usd: u64,
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
    /// A person was asked about a call, or nobody answered in time.
    Decided {
        /// Which call exactly.
        call: CallHash,
        /// What came of it.
        decision: Decision,
    },
    /// The person said something while the turn was running.
    Steered {
        /// What was said.
        content: Vec<ContentPart>,
    },
    /// Earlier turns are no longer sent as they are.
    Compacted {
        /// What stands for them; absent: nothing does.
        summary: Option<String>,
        /// How many messages of the history are still sent.
        kept_messages: usize,
    },
    /// The model could not read all of the request.
    Overflowed {
        /// What it said, for the person.
        reason: String,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Abort {
    /// A person.
    Person,
    /// The clock.
    Time,
    /// The model did not stop writing.
    AnswerBytes,
    /// The agent may spend no more.
    Budget {
        /// What it may spend, for the person.
        reason: String,
    },
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

/// The body of the journal entry ([`Checkpoint::body`]) of an input.
pub fn encode(input: &TurnInput) -> Result<String, JournalError> {
    serde_json::to_string(&Written { v: VERSION, input }).map_err(JournalError::Damaged)
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
    use rivetos_types::store::CheckpointKind;

    use super::*;

    #[test]
    fn the_text_is_stable() {
        let started = TurnInput::ToolStarted {
            call_id: "c1".into(),
        };
        let body = encode(&started).unwrap();
        assert_eq!(body, r#"{"v":3,"input":"tool_started","call_id":"c1"}"#);
        let kind = CheckpointKind::BeforeModel;
        let checkpoint = Checkpoint { kind, body };
        assert_eq!(decode(&checkpoint).unwrap(), started);
    }

    #[test]
    fn answers_of_before_there_were_explanations_are_read() {
        let entry = |stop: &str| {
            format!(
                r#"{{"v":3,"input":"answered","content":[],"calls":[],"stop":{stop},"usage":{{"input":1,"output":2}},"micro_usd":0,"elapsed_ms":5}}"#
            )
        };
        for (stop, expected) in [
            (r#""content_filter""#, StopReason::ContentFilter(None)),
            (
                r#"{"stop":"refusal","explanation":"no"}"#,
                StopReason::Refusal(Some("no".into())),
            ),
        ] {
            let (kind, body) = (CheckpointKind::AfterTool, entry(stop));
            let input = decode(&Checkpoint { kind, body }).unwrap();
            assert_eq!(encode(&input).unwrap(), entry(stop));
            assert!(matches!(input, TurnInput::Answered { stop, .. } if stop == expected));
        }
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
            read(r#"{"v":4,"input":"x"}"#),
            Err(JournalError::Version { found: 4 })
        ));
        assert!(matches!(
            read(r#"{"v":3,"input":"x"}"#),
            Err(JournalError::Damaged(_))
        ));
        assert!(matches!(read(""), Err(JournalError::Damaged(_))));
    }
}
