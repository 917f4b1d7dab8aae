//! What an agent says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The answer of `GET /health`: HTTP 200 when `status` is `ready`, else 503.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    /// [`crate::PROTOCOL_VERSION`] of the agent.
    pub protocol: u32,
    /// Whether it takes work.
    pub status: AgentStatus,
    /// Why it is not ready; empty when it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The agent's name.
    pub agent: String,
    /// The uid that the fleet gave it; absent when it was started by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Version of the program.
    pub version: String,
    /// Source commit of the program, 12 hex digits, or `unknown`.
    pub commit: String,
    /// Milliseconds since the process started.
    pub uptime_ms: u64,
    /// The model that answers, as `provider/model`.
    pub model: String,
    /// Turns that were received and not yet answered.
    pub open_turns: u64,
    /// Turns in the store that wait for a person; absent when the store did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked_turns: Option<u64>,
    /// Replies in the store that wait for their delivery; absent likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_replies: Option<u64>,
    /// Replies in the store that could not be delivered; absent likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<u64>,
    /// How the channels stand that replies are sent to.
    #[serde(default)]
    pub channels: BTreeMap<String, ChannelStatus>,
}

/// How a channel stands that replies are sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelStatus {
    /// Not connected since the start.
    Connecting,
    /// Connected; it gets what was to be delivered before the start.
    Replaying,
    /// Connected.
    Ready,
    /// No longer connected.
    Lost,
}

/// Whether an agent takes work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// Not yet: opening the store, connecting.
    Starting,
    /// Yes.
    Ready,
    /// No longer: it finishes what it has.
    Draining,
    /// It answers, but something that it needs is broken.
    Degraded,
}

impl AgentStatus {
    /// For people; the same word as on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Degraded => "degraded",
        }
    }
}

/// The answer of `GET /api/mesh/ping`, open to everybody who reaches the port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeshPing {
    /// Always `ok`.
    pub status: String,
    /// The agent's name.
    pub agent: String,
    /// Milliseconds since the Unix epoch, on the agent's clock.
    pub timestamp: i64,
    /// [`crate::PROTOCOL_VERSION`] of the agent.
    #[serde(default)]
    pub protocol: u32,
}
