//! What can go wrong inside a job, and what the caller gets to see of it.

use rivetos_types::id::TurnId;
use rivetos_types::store::StoreError;
use rusqlite::ErrorCode;
use thiserror::Error;

/// Why a job changed nothing.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error("a stored row cannot be read or written: {0}")]
    Row(#[from] serde_json::Error),
    #[error("{0} was claimed by somebody else")]
    Fenced(TurnId),
}

impl Failure {
    /// The port's error; `operation` says what was tried.
    pub(crate) fn during(self, operation: &'static str) -> StoreError {
        match self {
            Self::Fenced(turn) => StoreError::Fenced(turn),
            Self::Sql(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                StoreError::Full
            }
            Self::Sql(error) => StoreError::Failed {
                operation,
                cause: error.to_string(),
            },
            Self::Row(error) => StoreError::Failed {
                operation,
                cause: error.to_string(),
            },
        }
    }
}
