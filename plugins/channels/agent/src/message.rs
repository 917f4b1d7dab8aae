//! `POST /api/message`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use futures_util::StreamExt;
use rivetos_protocol::{BODY_BYTES_MAX, MessageRequest, SentAttachment, StreamFrame};
use rivetos_types::BoxStream;
use rivetos_types::error::ErrorCode;
use rivetos_types::id::{ChannelId, ExternalId, SessionId};
use rivetos_types::intake::{Followed, Submitted, TurnEvent};
use rivetos_types::media::{Attachment, SentFile};
use rivetos_types::message::{Authority, ContentPart, InboundMessage};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use crate::access::Speaker;
use crate::channel::{Shared, now};
use crate::refusal::Refusal;
use crate::reply::{self, Asked};

/// The name of this channel in sessions and turns.
pub(crate) const CHANNEL: &str = "http";

/// The longest time a client may take for a body.
const BODY_WAIT: Duration = Duration::from_secs(30);

/// The longest id, sender or conversation, in bytes.
const NAME_BYTES_MAX: usize = 200;

pub(crate) async fn post(
    State(shared): State<Arc<Shared>>,
    speaker: Speaker,
    request: Request,
) -> Result<Response, Refusal> {
    let streamed = wants_stream(&request);
    let permit = permit_for(&shared, length_of(&request)).await?;
    let mut request = read(&body_of(request).await?)?;
    let session = session_of(&request);
    let files = std::mem::take(&mut request.attachments);
    let attachments = keep(&shared, session, files).await?;
    drop(permit);
    let id = match &request.id {
        Some(id) => id.clone(),
        None => made_up_id()?,
    };
    let wait = request
        .timeout_ms
        .map_or(shared.settings.wait, Duration::from_millis);
    let asked = Asked {
        id: id.clone(),
        agent: shared.settings.agent.clone(),
        from_agent: request.from_agent.clone(),
    };
    let waits = request.wait_for_response;
    let message = inbound(request, id.clone(), speaker, attachments);
    let followed = if waits {
        shared.intake.follow(message).await?
    } else {
        match shared.intake.submit(message).await? {
            Submitted::Command(text) => Followed::Command(text),
            Submitted::Turn(_) => return Ok(accepted(id)),
        }
    };
    let (turn, events) = match followed {
        Followed::Command(text) => {
            let reply = asked.command(text);
            return Ok(if streamed {
                reply::stream_of(&asked, reply)
            } else {
                Json(reply).into_response()
            });
        }
        Followed::Turn(turn, events) => (turn, events),
    };
    let Some(events) = events else {
        let message = format!("the message `{id}` was answered; its reply has expired");
        return Err(Refusal::new(410, ErrorCode::ChannelExpired, message));
    };
    let settle = reply::Settle {
        intake: Arc::clone(&shared.intake),
        turn,
    };
    if streamed {
        return Ok(reply::stream(asked, events, settle));
    }
    whole(&asked, events, settle, wait).await
}

fn accepted(id: String) -> Response {
    (StatusCode::ACCEPTED, Json(StreamFrame::Accepted { id })).into_response()
}

/// Waits for the reply; the turn does not depend on it.
async fn whole(
    asked: &Asked,
    mut events: BoxStream<'static, TurnEvent>,
    settle: reply::Settle,
    wait: Duration,
) -> Result<Response, Refusal> {
    let finished = async {
        while let Some(event) = events.next().await {
            if let TurnEvent::Finished { reply } = event {
                return Some(reply);
            }
        }
        None
    };
    match timeout(wait, finished).await {
        Ok(Some(outbound)) => Ok(reply::json(&asked.reply(outbound), settle)),
        // The stream promises an end; without one the agent is going down.
        Ok(None) => Err(Refusal::new(
            503,
            ErrorCode::RuntimeDraining,
            "the agent went away",
        )),
        Err(_) => {
            let message = format!(
                "no reply within {} ms; the turn goes on: send the id `{}` again to attach",
                wait.as_millis(),
                asked.id
            );
            Err(Refusal::new(504, ErrorCode::ChannelTimeout, message))
        }
    }
}

fn wants_stream(request: &Request) -> bool {
    let mut accepts = request.headers().get_all(header::ACCEPT).iter();
    accepts.any(|accept| {
        accept
            .to_str()
            .is_ok_and(|accept| accept.contains("text/event-stream"))
    })
}

/// What the sender says of the body's length.
fn length_of(request: &Request) -> Option<usize> {
    let length = request.headers().get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The right to have a body of this length in memory; a short one needs none.
async fn permit_for(
    shared: &Shared,
    length: Option<usize>,
) -> Result<Option<SemaphorePermit<'_>>, Refusal> {
    if length.is_some_and(|length| length <= BODY_BYTES_MAX) {
        return Ok(None);
    }
    match timeout(BODY_WAIT, shared.long_bodies.acquire()).await {
        Ok(permit) => Ok(permit.ok()),
        Err(_) => Err(Refusal::new(
            503,
            ErrorCode::RuntimeQueueFull,
            "too many files come in at once",
        )),
    }
}

async fn keep(
    shared: &Shared,
    session: SessionId,
    files: Vec<SentAttachment>,
) -> Result<Vec<Attachment>, Refusal> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let sent = |SentAttachment { name, data }| SentFile {
        name,
        content: data,
    };
    let files = files.into_iter().map(sent).collect();
    Ok(shared.intake.keep(session, files).await?)
}

async fn body_of(request: Request) -> Result<Bytes, Refusal> {
    match timeout(BODY_WAIT, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(rejection)) => {
            let status = rejection.status().as_u16();
            let message = rejection.body_text();
            Err(Refusal::new(status, ErrorCode::ChannelRejected, message))
        }
        Err(_) => {
            let message = format!("the body was not there after {} s", BODY_WAIT.as_secs());
            Err(Refusal::new(408, ErrorCode::ChannelTimeout, message))
        }
    }
}

fn read(body: &[u8]) -> Result<MessageRequest, Refusal> {
    let request: MessageRequest = serde_json::from_slice(body)
        .map_err(|error| Refusal::rejected(format!("the body is not a message: {error}")))?;
    let files = request.attachments.iter();
    let files: usize = files.map(|file| file.data.len().div_ceil(3) * 4).sum();
    if body.len().saturating_sub(files) > BODY_BYTES_MAX {
        let message = format!("without its files the message has more than {BODY_BYTES_MAX} bytes");
        return Err(Refusal::new(413, ErrorCode::ChannelRejected, message));
    }
    if request.message.trim().is_empty() && request.attachments.is_empty() {
        return Err(Refusal::rejected("`message` is empty"));
    }
    let names = [
        ("fromAgent", Some(&request.from_agent)),
        ("id", request.id.as_ref()),
        ("conversationId", request.conversation_id.as_ref()),
    ];
    for (field, name) in names {
        let Some(name) = name else { continue };
        if name.trim().is_empty() || name.len() > NAME_BYTES_MAX || name.contains(char::is_control)
        {
            let message = format!("`{field}` needs 1 to {NAME_BYTES_MAX} printable bytes");
            return Err(Refusal::rejected(message));
        }
    }
    Ok(request)
}

fn session_of(request: &MessageRequest) -> SessionId {
    let named = request.conversation_id.as_ref();
    let conversation = named.unwrap_or(&request.from_agent);
    SessionId(format!("{CHANNEL}:{conversation}"))
}

fn inbound(
    request: MessageRequest,
    id: String,
    speaker: Speaker,
    attachments: Vec<Attachment>,
) -> InboundMessage {
    let session = session_of(&request);
    let files = attachments.into_iter().map(ContentPart::Attachment);
    let content = std::iter::once(ContentPart::text(request.message));
    InboundMessage {
        channel: ChannelId::from(CHANNEL),
        id: ExternalId(id),
        session,
        authority: match speaker {
            Speaker::Operator => Authority::Owner,
            Speaker::Bearer => Authority::Guest,
        },
        from: match speaker {
            Speaker::Operator => "operator".to_owned(),
            Speaker::Bearer => format!("agent:{}", request.from_agent),
        },
        address: None,
        content: content.chain(files).collect(),
        received_at: now(),
    }
}

fn made_up_id() -> Result<String, Refusal> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Refusal::new(503, ErrorCode::ChannelRejected, error.to_string()))?;
    Ok(HEXLOWER.encode(&random))
}
