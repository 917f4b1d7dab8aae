//! `POST /api/drain`.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use rivetos_protocol::{DRAIN_MS, DRAIN_MS_MAX, DrainReport, DrainRequest, ErrorReply};

use crate::application::Application;

/// Answers when nothing runs any more. Whoever hangs up before does not end the drain.
pub(super) async fn drain(
    State(application): State<Application>,
    body: Bytes,
) -> Result<Json<DrainReport>, (StatusCode, Json<ErrorReply>)> {
    let deadline = deadline(&body).map_err(rejected)?;
    Ok(Json(application.drain(deadline).await))
}

fn deadline(body: &[u8]) -> Result<Duration, String> {
    let request = if body.is_empty() {
        DrainRequest::default()
    } else {
        serde_json::from_slice(body)
            .map_err(|error| format!("the body is not a drain request: {error}"))?
    };
    match request.deadline_ms {
        None => Ok(Duration::from_millis(DRAIN_MS)),
        Some(ms) if ms <= DRAIN_MS_MAX => Ok(Duration::from_millis(ms)),
        Some(ms) => Err(format!(
            "`deadline_ms` is {ms}, and {DRAIN_MS_MAX} is the most"
        )),
    }
}

fn rejected(error: String) -> (StatusCode, Json<ErrorReply>) {
    let code = "CHANNEL_REJECTED".to_owned();
    (StatusCode::BAD_REQUEST, Json(ErrorReply { code, error }))
}
