//! A client of `POST /api/message`.

use std::collections::VecDeque;

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rivetos_protocol::sse::Decoder;
use rivetos_protocol::{MessageReply, StreamFrame, check_handshake, operator_handshake};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::agent::TOKEN;
use super::within;

/// One request on a connection of its own.
pub(crate) async fn request(port: u16, request: Request<Full<bytes::Bytes>>) -> Response<Incoming> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    within(sender.send_request(request)).await.unwrap()
}

pub(crate) async fn text(response: Response<Incoming>) -> String {
    let body = within(response.into_body().collect())
        .await
        .unwrap()
        .to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

fn message(id: &str, message: &str, more: &Value, accept: &str) -> Request<Full<bytes::Bytes>> {
    let mut body = json!({"id": id, "fromAgent": "operator", "message": message,
        "conversationId": "c"});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    Request::post("/api/message")
        .header("host", "agent")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json")
        .header("accept", accept)
        .body(Full::from(body.to_string()))
        .unwrap()
}

/// Sends a request as the operator, on a connection of its own.
pub(crate) async fn operate(port: u16, what: &str, body: &str) -> Operated {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let handshake = operator_handshake(TOKEN);
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while check_handshake(&answer).unwrap().is_none() {
        assert!(within(stream.read_buf(&mut answer)).await.unwrap() > 0);
    }
    let request = format!(
        "{what} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    Operated(stream)
}

/// The answer to an operator's request, still to come.
pub(crate) struct Operated(TcpStream);

impl Operated {
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> T {
        let mut text = String::new();
        within(self.0.read_to_string(&mut text)).await.unwrap();
        let body = text.split("\r\n\r\n").nth(1).unwrap_or_default();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

/// Sends a message and waits for the reply.
pub(crate) async fn send(port: u16, id: &str, text_: &str) -> MessageReply {
    let response = request(port, message(id, text_, &json!({}), "application/json")).await;
    let body = text(response).await;
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// Sends a message without waiting for the reply.
pub(crate) async fn post(port: u16, id: &str, text_: &str) {
    post_in(port, "c", id, text_).await;
}

/// The same in another conversation.
pub(crate) async fn post_in(port: u16, conversation: &str, id: &str, text_: &str) {
    let more = json!({"waitForResponse": false, "conversationId": conversation});
    let response = request(port, message(id, text_, &more, "application/json")).await;
    assert_eq!(response.status(), 202);
}

/// Sends a message and follows the turn.
pub(crate) async fn stream(port: u16, id: &str, text_: &str) -> Frames {
    let response = request(port, message(id, text_, &json!({}), "text/event-stream")).await;
    assert_eq!(response.status(), 200);
    Frames::of(response)
}

/// The frames of a reply.
pub(crate) struct Frames {
    body: Incoming,
    decoder: Decoder,
    waiting: VecDeque<StreamFrame>,
}

impl Frames {
    fn of(response: Response<Incoming>) -> Self {
        Self {
            body: response.into_body(),
            decoder: Decoder::new(),
            waiting: VecDeque::new(),
        }
    }

    /// `None` when the stream ended or broke.
    pub(crate) async fn next(&mut self) -> Option<StreamFrame> {
        while self.waiting.is_empty() {
            let frame = within(self.body.frame()).await?.ok()?;
            let mut events = Vec::new();
            self.decoder.push(frame.data_ref()?, &mut events).unwrap();
            let parse = |event: &rivetos_protocol::sse::SseEvent| {
                serde_json::from_str(&event.data).unwrap()
            };
            self.waiting.extend(events.iter().map(parse));
        }
        self.waiting.pop_front()
    }

    /// Returns when a frame has come that `wanted` accepts.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&StreamFrame) -> bool) -> StreamFrame {
        loop {
            let frame = self.next().await.expect("the stream ended");
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// Returns when something was said, whether before or after the client came.
    pub(crate) async fn said(&mut self) {
        self.until(|frame| match frame {
            StreamFrame::Text { text } | StreamFrame::Snapshot { text } => !text.is_empty(),
            StreamFrame::Accepted { .. }
            | StreamFrame::Reasoning { .. }
            | StreamFrame::ToolStart { .. }
            | StreamFrame::ToolEnd { .. }
            | StreamFrame::Asked { .. }
            | StreamFrame::Status { .. }
            | StreamFrame::Done { .. } => false,
        })
        .await;
    }

    pub(crate) async fn done(&mut self) -> MessageReply {
        match self
            .until(|frame| matches!(frame, StreamFrame::Done { .. }))
            .await
        {
            StreamFrame::Done { reply } => reply,
            other => panic!("{other:?}"),
        }
    }
}
