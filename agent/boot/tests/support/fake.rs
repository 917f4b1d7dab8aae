//! An OpenAI-compatible endpoint. It refuses and notes every request that breaks the protocol,
//! and says what the test tells it, piece by piece.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::within;

pub(crate) const KEY: &str = "key-4711";
pub(crate) const MODEL: &str = "test-model";

/// The endpoint, for as long as it lives.
pub(crate) struct Fake {
    pub(crate) base_url: String,
    requests: tokio::sync::Mutex<UnboundedReceiver<Asked>>,
    violations: Arc<Mutex<Vec<String>>>,
}

/// One request, waiting for its answer.
pub(crate) struct Asked {
    pub(crate) request: Value,
    body: UnboundedSender<Bytes>,
}

#[derive(Clone)]
struct Shared {
    requests: UnboundedSender<Asked>,
    violations: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::unbounded_channel();
        let violations: Arc<Mutex<Vec<String>>> = Arc::default();
        let shared = Shared {
            requests: sender,
            violations: Arc::clone(&violations),
        };
        let app = Router::new()
            .route("/v1/chat/completions", post(complete))
            .with_state(shared);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            base_url,
            requests: tokio::sync::Mutex::new(requests),
            violations,
        }
    }

    /// The next request.
    pub(crate) async fn asked(&self) -> Asked {
        within(async { self.requests.lock().await.recv().await })
            .await
            .unwrap()
    }

    /// Whether no request waits, and none broke the protocol.
    pub(crate) async fn all_was_well(&self) {
        assert_eq!(*self.violations.lock().unwrap(), Vec::<String>::new());
        assert!(
            self.requests.lock().await.try_recv().is_err(),
            "a request that nobody expected"
        );
    }
}

async fn complete(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    if let Err(violation) = check(&headers, &request) {
        shared.violations.lock().unwrap().push(violation.clone());
        return (
            StatusCode::BAD_REQUEST,
            Json(json!({"error": {"message": violation}})),
        )
            .into_response();
    }
    let (body, pieces) = mpsc::unbounded_channel();
    shared.requests.send(Asked { request, body }).unwrap();
    let pieces = UnboundedReceiverStream::new(pieces).map(Ok::<_, std::convert::Infallible>);
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(pieces),
    )
        .into_response()
}

/// What the vendor's documentation demands of a request.
fn check(headers: &HeaderMap, request: &Value) -> Result<(), String> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .map(|value| value.as_bytes().to_vec());
    if bearer != Some(format!("Bearer {KEY}").into_bytes()) {
        return Err("the bearer token is missing or wrong".into());
    }
    if request["stream"] != json!(true) || request["model"] != json!(MODEL) {
        return Err(format!("stream or model: {request}"));
    }
    for tool in request["tools"].as_array().into_iter().flatten() {
        if tool["type"] != "function" || tool["function"]["parameters"]["type"] != "object" {
            return Err(format!("a tool is no function: {tool}"));
        }
    }
    let messages = request["messages"].as_array().ok_or("no messages")?;
    let mut rest = messages.as_slice();
    if rest.first().is_some_and(|first| first["role"] == "system") {
        rest = &rest[1..];
    }
    if rest.first().is_none_or(|first| first["role"] != "user") {
        return Err(format!(
            "the conversation does not start with the user: {request}"
        ));
    }
    check_pairs(rest)
}

fn check_pairs(messages: &[Value]) -> Result<(), String> {
    let mut open: BTreeSet<String> = BTreeSet::new();
    for message in messages {
        let role = message["role"].as_str().ok_or("a message without role")?;
        if role == "tool" {
            let id = message["tool_call_id"]
                .as_str()
                .ok_or("a result without call")?;
            if !open.remove(id) {
                return Err(format!("the result {id} has no open call"));
            }
            continue;
        }
        if !open.is_empty() {
            return Err(format!("calls without result: {open:?}"));
        }
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let id = call["id"].as_str().ok_or("a call without id")?.to_owned();
            if role != "assistant" || !open.insert(id) {
                return Err(format!("a call that cannot be: {message}"));
            }
        }
        if !matches!(role, "user" | "assistant") {
            return Err(format!("the role {role}"));
        }
    }
    if open.is_empty()
        && messages
            .last()
            .is_some_and(|last| last["role"] != "assistant")
    {
        return Ok(());
    }
    Err(format!("the end of the conversation: {messages:?}"))
}

impl Asked {
    /// The text of the last message.
    pub(crate) fn last(&self) -> String {
        let last = self.request["messages"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        match &last["content"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// How many messages there are, the system's not counted.
    pub(crate) fn len(&self) -> usize {
        let messages = self.request["messages"].as_array().unwrap();
        messages
            .iter()
            .filter(|message| message["role"] != "system")
            .count()
    }

    pub(crate) fn say(&self, text: &str) -> &Self {
        self.delta(&json!({"content": text}), &Value::Null)
    }

    pub(crate) fn call(&self, id: &str, name: &str, arguments: &Value) -> &Self {
        let function = json!({"name": name, "arguments": arguments.to_string()});
        let call = json!({"index": 0, "id": id, "type": "function", "function": function});
        self.delta(&json!({"tool_calls": [call]}), &Value::Null)
    }

    pub(crate) fn done(&self, reason: &str) {
        self.delta(&json!({}), &json!(reason));
        let usage = json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18});
        self.event(
            &json!({"id": "c", "object": "chat.completion.chunk", "created": 1,
            "model": MODEL, "choices": [], "usage": usage})
            .to_string(),
        );
        self.event("[DONE]");
    }

    /// Returns when the agent closed the connection.
    pub(crate) async fn dropped(&self) {
        within(self.body.closed()).await;
    }

    fn delta(&self, delta: &Value, reason: &Value) -> &Self {
        self.event(
            &json!({"id": "c", "object": "chat.completion.chunk", "created": 1,
            "model": MODEL,
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
            .to_string(),
        )
    }

    fn event(&self, data: &str) -> &Self {
        // Nobody listens when the agent was killed.
        let _ = self.body.send(Bytes::from(format!("data: {data}\n\n")));
        self
    }
}
