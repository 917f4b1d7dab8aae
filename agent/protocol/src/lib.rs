//! Wire types between the operator's tool, agents and peers.
//!
//! Everything here crosses a version boundary: fields are only ever added, and readers ignore
//! what they do not know.

mod attachment;
mod drain;
mod health;
mod message;
mod operator;
pub mod sse;

pub use attachment::{ReplyAttachment, SentAttachment, attachment_path};
pub use drain::{DRAIN_MS, DRAIN_MS_MAX, DRAIN_PATH, DrainReport, DrainRequest, DrainStatus};
pub use health::{AgentStatus, ChannelStatus, HealthReport, MeshPing};
pub use message::{ErrorReply, MessageReply, MessageRequest, Outcome, StreamFrame};
pub use operator::{
    HandshakeError, OPERATOR_PATH, OPERATOR_UPGRADE, check_handshake, operator_handshake,
};
pub use rivetos_types::media::{
    ATTACHMENT_BYTES_MAX, ATTACHMENTS_BYTES_MAX, ATTACHMENTS_MAX, MediaType,
};

/// The version of this protocol that this build speaks.
pub const PROTOCOL_VERSION: u32 = 1;

/// The port that an agent listens on unless its configuration says otherwise.
pub const DEFAULT_PORT: u16 = 3100;

/// The longest accepted request body, in bytes, unless it carries files.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The longest accepted message with its files, in bytes: Base64 makes four of three.
pub const MESSAGE_BYTES_MAX: usize = BODY_BYTES_MAX + ATTACHMENTS_BYTES_MAX.div_ceil(3) * 4;
