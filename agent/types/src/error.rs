//! Stable error codes, for logs, metrics and replies over the wire.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::intake::{IntakeError, KeepError};
use crate::model::ModelError;

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
    ProviderContextTooLong,
    ProviderImagesRefused,
    ProviderIncomplete,
    ProviderNotFound,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnauthorized,
    ProviderUnavailable,
    RuntimeDraining,
    RuntimeQueueFull,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
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

impl From<&ModelError> for ErrorCode {
    fn from(error: &ModelError) -> Self {
        match error {
            // Only who counts requests says when to come back.
            ModelError::Transient {
                retry_after_ms: Some(_),
                ..
            } => Self::ProviderRateLimited,
            ModelError::Transient {
                retry_after_ms: None,
                ..
            } => Self::ProviderUnavailable,
            ModelError::TooLong { .. } => Self::ProviderContextTooLong,
            ModelError::ImagesRefused { .. } => Self::ProviderImagesRefused,
            ModelError::Incomplete { .. } => Self::ProviderIncomplete,
            ModelError::Fatal {
                status: Some(401 | 403),
                ..
            } => Self::ProviderUnauthorized,
            ModelError::Fatal {
                status: Some(404), ..
            } => Self::ProviderNotFound,
            ModelError::Fatal { .. } => Self::ProviderRejected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_models_have_codes() {
        let message = String::new;
        let transient = |retry_after_ms| ModelError::Transient {
            message: message(),
            retry_after_ms,
        };
        let fatal = |status| ModelError::Fatal {
            status,
            message: message(),
        };
        for (error, code) in [
            (transient(Some(1)), "PROVIDER_RATE_LIMITED"),
            (transient(None), "PROVIDER_UNAVAILABLE"),
            (fatal(Some(401)), "PROVIDER_UNAUTHORIZED"),
            (fatal(Some(404)), "PROVIDER_NOT_FOUND"),
            (fatal(Some(400)), "PROVIDER_REJECTED"),
            (fatal(None), "PROVIDER_REJECTED"),
        ] {
            assert_eq!(ErrorCode::from(&error).to_string(), code);
        }
    }
}
