//! Requests on kept connections.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub(crate) type Sender = SendRequest<Full<Bytes>>;

pub(crate) async fn connect(port: u16) -> Sender {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    handshake(stream).await
}

pub(crate) async fn handshake(stream: TcpStream) -> Sender {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

pub(crate) fn message(number: usize, session: usize, text: &str) -> Request<Full<Bytes>> {
    let body = format!(
        r#"{{"id":"{number}","fromAgent":"bench","message":"{text}","conversationId":"{session}"}}"#
    );
    Request::post("/api/message")
        .header("host", "a")
        .header("authorization", "Bearer token")
        .header("content-type", "application/json")
        .body(Full::from(body))
        .unwrap()
}

pub(crate) async fn timed(sender: &mut Sender, request: Request<Full<Bytes>>) -> Duration {
    let begun = Instant::now();
    sender.ready().await.unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body().collect().await.unwrap();
    begun.elapsed()
}
