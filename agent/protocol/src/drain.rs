//! How an agent is told to hand over what it does.

use serde::{Deserialize, Serialize};

/// The path of the request; it is there on the operator's connection only.
pub const DRAIN_PATH: &str = "/api/drain";

/// How long the running turns get when the request does not say, in milliseconds.
pub const DRAIN_MS: u64 = 25_000;

/// The longest time that a request may give, in milliseconds.
pub const DRAIN_MS_MAX: u64 = 3_600_000;

/// The body of `POST /api/drain`; an empty body is the same as no field.
///
/// A second request waits for the same end. It may bring the deadline nearer, never put it off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainRequest {
    /// How long what runs may take to come to the end of its step, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// The answer of `POST /api/drain`, when nothing runs any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainReport {
    /// [`crate::PROTOCOL_VERSION`] of the agent.
    pub protocol: u32,
    /// Whether the time was enough.
    pub status: DrainStatus,
    /// Turns that were answered since the drain began.
    pub finished: u64,
    /// Turns that the next process goes on with at once.
    pub handed_over: u64,
    /// Turns in the store that wait for a person; absent when the store did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<u64>,
    /// Replies in the store that nobody has fetched; absent when the store did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undelivered: Option<u64>,
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrainStatus {
    /// Every turn came to an end or to the end of its step.
    Drained,
    /// The time was over before: steps were cut off, and the next process takes them up as it
    /// does after a crash.
    Cut,
}

impl DrainStatus {
    /// For people; the same word as on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Drained => "drained",
            Self::Cut => "cut",
        }
    }
}
