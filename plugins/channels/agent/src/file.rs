//! `GET /api/message/<id>/attachments/<index>`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use rivetos_types::error::ErrorCode;
use rivetos_types::id::{ChannelId, ExternalId, TurnId};

use crate::access::Speaker;
use crate::channel::Shared;
use crate::message::CHANNEL;
use crate::refusal::Refusal;

pub(crate) async fn get(
    State(shared): State<Arc<Shared>>,
    _: Speaker,
    Path((id, index)): Path<(String, usize)>,
) -> Result<Response, Refusal> {
    let turn = TurnId::of(&ChannelId::from(CHANNEL), &ExternalId(id));
    let Some((file, content)) = shared.intake.file(turn, index).await else {
        let message = "there is no such file, or no longer";
        return Err(Refusal::new(404, ErrorCode::ChannelExpired, message));
    };
    // The agent may have made it from anything: nothing that shows it is to run it.
    let headers = [
        (CONTENT_TYPE, file.media.name()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, content).into_response())
}
