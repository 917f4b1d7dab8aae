//! Answers with an error status.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rivetos_protocol::ErrorReply;
use rivetos_types::error::ErrorCode;
use rivetos_types::intake::{IntakeError, KeepError};

/// An error status with an [`ErrorReply`].
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: ErrorCode,
    message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: ErrorCode, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// The request makes no sense.
    pub(crate) fn rejected(message: impl Into<String>) -> Self {
        Self::new(400, ErrorCode::ChannelRejected, message)
    }
}

impl From<IntakeError> for Refusal {
    fn from(error: IntakeError) -> Self {
        let status = match error {
            IntakeError::QueueFull(_) => 429,
            IntakeError::Draining | IntakeError::Store(_) => 503,
        };
        Self::new(status, ErrorCode::from(&error), error.to_string())
    }
}

impl From<KeepError> for Refusal {
    fn from(error: KeepError) -> Self {
        let status = match error {
            KeepError::TooMany(_) | KeepError::TooLarge { .. } | KeepError::TooMuch(_) => 413,
            KeepError::Kind { .. } => 415,
            KeepError::SessionFull(_) => 429,
            KeepError::Store(_) => 503,
        };
        Self::new(status, ErrorCode::from(&error), error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = serde_json::to_value(self.code).ok();
        let code = code
            .as_ref()
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let reply = Json(ErrorReply {
            code,
            error: self.message,
        });
        let mut response = (self.status, reply).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}
