//! Stable error codes, for logs, metrics and replies over the wire.

use serde::{Deserialize, Serialize};

use crate::intake::IntakeError;
use crate::model::ModelError;

/// A family and a reason, as users and dashboards know them: `PROVIDER_INCOMPLETE`.
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
    ProviderTransient,
    ProviderIncomplete,
    ProviderRefused,
    RuntimeDraining,
    RuntimeQueueFull,
    ToolFailed,
}

impl From<&ModelError> for ErrorCode {
    fn from(error: &ModelError) -> Self {
        match error {
            ModelError::Transient { .. } => Self::ProviderTransient,
            ModelError::Incomplete { .. } => Self::ProviderIncomplete,
            ModelError::Fatal { .. } => Self::ProviderRefused,
        }
    }
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
