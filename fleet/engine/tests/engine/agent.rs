//! An agent that says what the test wants, over real HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use rivetos_protocol::{AgentStatus, HealthReport, MessageRequest};
use tokio::net::{TcpListener, TcpStream};

/// What the agent answers.
#[derive(Clone, Default)]
pub(crate) struct Script {
    /// The uid that it reports.
    pub(crate) uid: String,
    /// How many looks at its health find it starting.
    pub(crate) looks_until_ready: usize,
    /// The body of its replies, one piece per chunk.
    pub(crate) reply: Vec<String>,
    /// Instead of the reply.
    pub(crate) refusal: Option<(u16, String)>,
}

struct Agent {
    script: Script,
    looks: AtomicUsize,
}

/// Starts the agent and returns its port. It ends with the test.
pub(crate) async fn start(script: Script) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let agent = Arc::new(Agent {
        script,
        looks: AtomicUsize::new(0),
    });
    let router = Router::new()
        .route("/health", get(health))
        .route("/api/message", post(message))
        .with_state(agent);
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

/// A connection to it.
pub(crate) async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

async fn health(State(agent): State<Arc<Agent>>) -> Response {
    let looks = agent.looks.fetch_add(1, Ordering::SeqCst);
    let (code, status, reason) = if looks < agent.script.looks_until_ready {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            AgentStatus::Starting,
            "opening the store",
        )
    } else {
        (StatusCode::OK, AgentStatus::Ready, "")
    };
    let report = HealthReport {
        protocol: 1,
        status,
        reason: reason.to_owned(),
        agent: "a".to_owned(),
        uid: Some(agent.script.uid.clone()),
        version: "0.1.0".to_owned(),
        commit: "unknown".to_owned(),
        uptime_ms: 1,
        model: "rehearsal/rehearsal".to_owned(),
        open_turns: 0,
        parked_turns: Some(0),
        waiting_replies: Some(0),
        dead_letters: Some(0),
        channels: BTreeMap::new(),
    };
    (code, axum::Json(report)).into_response()
}

async fn message(
    State(agent): State<Arc<Agent>>,
    axum::Json(_): axum::Json<MessageRequest>,
) -> Response {
    if let Some((status, body)) = agent.script.refusal.clone() {
        return (StatusCode::from_u16(status).unwrap(), body).into_response();
    }
    let pieces = agent
        .script
        .reply
        .clone()
        .into_iter()
        .map(Ok::<_, std::io::Error>);
    let body = Body::from_stream(stream::iter(pieces));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}
