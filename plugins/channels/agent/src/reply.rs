//! Replies on their way out, and when they have arrived.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use rivetos_protocol::{MessageReply, Outcome, ReplyAttachment, StreamFrame, sse};
use rivetos_types::BoxStream;
use rivetos_types::id::TurnId;
use rivetos_types::intake::{Intake, TurnEvent};
use rivetos_types::media::Attachment;
use rivetos_types::message::{OutboundMessage, TurnOutcome};
use tokio::time::timeout;

use crate::channel::now;

/// Whoever waits in silence longer than this may be cut off by something on the way.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What of the question stands in the answer.
pub(crate) struct Asked {
    pub(crate) id: String,
    pub(crate) agent: String,
    pub(crate) from_agent: String,
}

impl Asked {
    pub(crate) fn command(&self, response: String) -> MessageReply {
        MessageReply {
            id: self.id.clone(),
            agent: self.agent.clone(),
            from_agent: self.from_agent.clone(),
            response,
            attachments: Vec::new(),
            outcome: Outcome::Command,
            reason: None,
            input_tokens: 0,
            output_tokens: 0,
            timestamp: now().0,
        }
    }

    pub(crate) fn reply(&self, outbound: OutboundMessage) -> MessageReply {
        let (outcome, reason) = match outbound.outcome {
            TurnOutcome::Completed => (Outcome::Completed, None),
            TurnOutcome::Interrupted => (Outcome::Interrupted, None),
            TurnOutcome::LimitReached { reason } => (Outcome::LimitReached, Some(reason)),
            TurnOutcome::Failed { reason } => (Outcome::Failed, Some(reason)),
        };
        MessageReply {
            attachments: outbound.files.into_iter().map(attachment).collect(),
            outcome,
            reason,
            input_tokens: outbound.usage.input,
            output_tokens: outbound.usage.output,
            ..self.command(outbound.text)
        }
    }
}

fn attachment(file: Attachment) -> ReplyAttachment {
    ReplyAttachment {
        name: file.name,
        media_type: file.media.name().to_owned(),
        bytes: file.bytes,
        sha256: file.digest.0,
        path: file.path,
    }
}

impl Asked {
    fn frame(&self, event: TurnEvent) -> StreamFrame {
        match event {
            TurnEvent::Snapshot { text } => StreamFrame::Snapshot { text },
            TurnEvent::Text { text } => StreamFrame::Text { text },
            TurnEvent::Reasoning { text } => StreamFrame::Reasoning { text },
            TurnEvent::ToolStart { name, summary } => StreamFrame::ToolStart { name, summary },
            TurnEvent::ToolEnd { name, ok, summary } => StreamFrame::ToolEnd { name, ok, summary },
            TurnEvent::Asked { approval } => StreamFrame::Asked {
                call: approval.call.short().to_owned(),
                tool: approval.tool,
                arguments: approval.arguments,
            },
            TurnEvent::Status { text } => StreamFrame::Status { text },
            TurnEvent::Finished { reply } => StreamFrame::Done {
                reply: self.reply(reply),
            },
        }
    }
}

/// Settles a reply, once it has arrived.
pub(crate) struct Settle {
    pub(crate) intake: Arc<dyn Intake>,
    pub(crate) turn: TurnId,
}

impl Settle {
    /// To be called when the last byte of the body was taken. The connection asks for more before
    /// it writes what it has; so it first gets a chance to write, and to find nobody there.
    async fn after_write(self) {
        tokio::task::yield_now().await;
        self.intake.settle(self.turn).await;
    }
}

/// The whole reply as JSON.
pub(crate) fn json(reply: &MessageReply, settle: Settle) -> Response {
    let status = if reply.outcome == Outcome::Failed {
        502
    } else {
        200
    };
    let status = axum::http::StatusCode::from_u16(status).unwrap_or_default();
    let body = serde_json::to_vec(reply).unwrap_or_default();
    // Not a body of known length: its end would go by unseen.
    let body = stream::unfold((Some(body), Some(settle)), |(body, settle)| async move {
        if let Some(body) = body {
            return Some((Ok::<_, Infallible>(Bytes::from(body)), (None, settle)));
        }
        settle?.after_write().await;
        None
    });
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        Body::from_stream(body),
    )
        .into_response()
}

/// The answer to a command, for somebody who asked for a stream.
pub(crate) fn stream_of(asked: &Asked, reply: MessageReply) -> Response {
    let accepted = frame(&StreamFrame::Accepted {
        id: asked.id.clone(),
    });
    let done = frame(&StreamFrame::Done { reply });
    event_stream(Body::from([accepted, done].concat()))
}

/// What happens, as it happens.
pub(crate) fn stream(
    asked: Asked,
    events: BoxStream<'static, TurnEvent>,
    settle: Settle,
) -> Response {
    let accepted = frame(&StreamFrame::Accepted {
        id: asked.id.clone(),
    });
    let first = stream::once(async { Ok::<_, Infallible>(Bytes::from(accepted)) });
    let rest = stream::unfold(Stage::Following(asked, events, settle), |stage| async {
        let (text, stage) = stage.next().await?;
        Some((Ok(Bytes::from(text)), stage))
    });
    event_stream(Body::from_stream(first.chain(rest)))
}

fn event_stream(body: Body) -> Response {
    (
        [
            (CONTENT_TYPE, "text/event-stream"),
            (CACHE_CONTROL, "no-store"),
        ],
        body,
    )
        .into_response()
}

enum Stage {
    Following(Asked, BoxStream<'static, TurnEvent>, Settle),
    Written(Settle),
}

impl Stage {
    async fn next(self) -> Option<(String, Self)> {
        let (asked, mut events, settle) = match self {
            Self::Following(asked, events, settle) => (asked, events, settle),
            Self::Written(settle) => {
                settle.after_write().await;
                return None;
            }
        };
        let Ok(event) = timeout(KEEP_ALIVE, events.next()).await else {
            let comment = ": still here\n\n".to_owned();
            return Some((comment, Self::Following(asked, events, settle)));
        };
        let next = asked.frame(event?);
        let text = frame(&next);
        let over = matches!(next, StreamFrame::Done { .. });
        let stage = if over {
            Self::Written(settle)
        } else {
            Self::Following(asked, events, settle)
        };
        Some((text, stage))
    }
}

fn frame(frame: &StreamFrame) -> String {
    let name = match frame {
        StreamFrame::Accepted { .. } => "accepted",
        StreamFrame::Snapshot { .. } => "snapshot",
        StreamFrame::Text { .. } => "text",
        StreamFrame::Reasoning { .. } => "reasoning",
        StreamFrame::ToolStart { .. } => "tool_start",
        StreamFrame::ToolEnd { .. } => "tool_end",
        StreamFrame::Asked { .. } => "asked",
        StreamFrame::Status { .. } => "status",
        StreamFrame::Done { .. } => "done",
    };
    sse::encode(name, &serde_json::to_string(frame).unwrap_or_default())
}
