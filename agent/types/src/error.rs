//! Stable error codes, for logs, metrics and replies over the wire.

use serde::{Deserialize, Serialize};

use crate::intake::{IntakeError, KeepError};

/// A family and a reason, as users and dashboards know them: `RUNTIME_DRAINING`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(
    missing_docs,
    reason = "the names are the documentation: FAMILY_REASON"
)]
pub enum ErrorCode {
    ChannelExpired,
    ChannelRejected,
    ChannelTimeout,
    ChannelUnauthorized,
    MemoryFailed,
    RuntimeDraining,
    RuntimeQueueFull,
}

impl From<&IntakeError> for ErrorCode {
    fn from(error: &IntakeError) -> Self {
        match error {
            IntakeError::Draining => Self::RuntimeDraining,
            IntakeError::QueueFull(_) => Self::RuntimeQueueFull,
            IntakeError::Store(_) => Self::MemoryFailed,
        }
    }
}

impl From<&KeepError> for ErrorCode {
    fn from(error: &KeepError) -> Self {
        match error {
            KeepError::TooMany(_)
            | KeepError::TooLarge { .. }
            | KeepError::TooMuch(_)
            | KeepError::Kind { .. } => Self::ChannelRejected,
            KeepError::SessionFull(_) | KeepError::Store(_) => Self::MemoryFailed,
        }
    }
}
