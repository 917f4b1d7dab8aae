//! A model that takes no time.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::net::TcpListener;

/// What makes the endpoint wait before its first word, in a message's text.
pub(crate) const LATE: &str = "Take your time.";

/// How long it waits then: whatever else belongs to the turn's start is over.
const LATE_AFTER: Duration = Duration::from_millis(10);

/// A whole answer, as vendors stream it.
const ANSWER: &str = concat!(
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",",
    "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Good day.\\n\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",",
    "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
);

/// An endpoint in this process.
pub(crate) struct Endpoint {
    pub(crate) port: u16,
    said_at: Arc<Mutex<Option<Instant>>>,
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let said_at = Arc::default();
        let app = Router::new()
            .route("/v1/chat/completions", post(answer))
            .with_state(Arc::clone(&said_at));
        // Vendors' servers do not hold back small packets either.
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { port, said_at }
    }

    /// When the last late answer began.
    pub(crate) fn said_at(&self) -> Instant {
        self.said_at.lock().unwrap().unwrap()
    }
}

async fn answer(State(said_at): State<Arc<Mutex<Option<Instant>>>>, request: Bytes) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    if !request
        .windows(LATE.len())
        .any(|part| part == LATE.as_bytes())
    {
        return (kind, ANSWER).into_response();
    }
    let (first, rest) = ANSWER.split_once("\n\n").unwrap();
    let first = stream::once(async move {
        tokio::time::sleep(LATE_AFTER).await;
        *said_at.lock().unwrap() = Some(Instant::now());
        format!("{first}\n\n")
    });
    let rest = stream::once(async move {
        tokio::time::sleep(LATE_AFTER).await;
        rest.to_owned()
    });
    let body = first.chain(rest).map(Ok::<_, std::convert::Infallible>);
    (kind, Body::from_stream(body)).into_response()
}
