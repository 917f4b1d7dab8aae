//! Wire types between the operator's tool, agents and peers.
//!
//! Everything here crosses a version boundary: fields are only ever added, and readers ignore
//! what they do not know.

mod drain;
mod health;
mod message;
mod operator;
pub mod sse;

pub use drain::{DRAIN_MS, DRAIN_MS_MAX, DRAIN_PATH, DrainReport, DrainRequest, DrainStatus};
pub use health::{AgentStatus, ChannelStatus, HealthReport, MeshPing};
pub use message::{ErrorReply, MessageReply, MessageRequest, Outcome, StreamFrame};
pub use operator::{
    HandshakeError, OPERATOR_PATH, OPERATOR_UPGRADE, check_handshake, operator_handshake,
};

/// The version of this protocol that this build speaks.
pub const PROTOCOL_VERSION: u32 = 1;

/// The port that an agent listens on unless its configuration says otherwise.
pub const DEFAULT_PORT: u16 = 3100;

/// The longest accepted request body, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
