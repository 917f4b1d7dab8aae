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
use rivetos_protocol::{MessageRequest, StreamFrame};
use rivetos_types::BoxStream;
use rivetos_types::error::ErrorCode;
use rivetos_types::id::{ChannelId, ExternalId, SessionId};
use rivetos_types::intake::{Submitted, TurnEvent};
use rivetos_types::message::{Authority, ContentPart, InboundMessage};
use tokio::time::timeout;

use crate::access::Speaker;
use crate::channel::{Shared, now};
use crate::refusal::Refusal;
use crate::reply::{self, Asked};

/// The name of this channel in sessions and turns.
const CHANNEL: &str = "http";

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
    let request = read(&body_of(request).await?)?;
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
    let turn = match shared
        .intake
        .submit(inbound(request, id.clone(), speaker))
        .await?
    {
        Submitted::Command(text) => {
            let reply = asked.command(text);
            return Ok(if streamed {
                reply::stream_of(&asked, reply)
            } else {
                Json(reply).into_response()
            });
        }
        Submitted::Turn(turn) => turn,
    };
    if !waits {
        return Ok((StatusCode::ACCEPTED, Json(StreamFrame::Accepted { id })).into_response());
    }
    let Some(events) = shared.intake.attach(turn.clone()).await else {
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
    if request.message.trim().is_empty() {
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

fn inbound(request: MessageRequest, id: String, speaker: Speaker) -> InboundMessage {
    let conversation = request
        .conversation_id
        .as_ref()
        .unwrap_or(&request.from_agent);
    InboundMessage {
        channel: ChannelId::from(CHANNEL),
        id: ExternalId(id),
        session: SessionId(format!("{CHANNEL}:{conversation}")),
        authority: match speaker {
            Speaker::Operator => Authority::Owner,
            Speaker::Bearer => Authority::Guest,
        },
        from: match speaker {
            Speaker::Operator => "operator".to_owned(),
            Speaker::Bearer => format!("agent:{}", request.from_agent),
        },
        address: None,
        content: vec![ContentPart::text(request.message)],
        received_at: now(),
    }
}

fn made_up_id() -> Result<String, Refusal> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Refusal::new(503, ErrorCode::ChannelRejected, error.to_string()))?;
    Ok(HEXLOWER.encode(&random))
}
