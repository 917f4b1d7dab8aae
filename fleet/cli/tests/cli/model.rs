//! An OpenAI-compatible endpoint that refuses whatever breaks the protocol, and says what the
//! test tells it, piece by piece.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

pub(crate) const NAME: &str = "test-model";
/// How long anything may take before the test fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The endpoint, for as long as it lives.
pub(crate) struct Model {
    pub(crate) base_url: String,
    requests: mpsc::Receiver<Asked>,
    violations: Arc<Mutex<Vec<String>>>,
    _runtime: Runtime,
}

/// One request, waiting for its answer.
pub(crate) struct Asked {
    /// The key that it came with.
    pub(crate) key: String,
    request: Value,
    pieces: UnboundedSender<String>,
    runtime: Handle,
}

#[derive(Clone)]
struct Shared {
    keys: Arc<BTreeSet<String>>,
    requests: mpsc::Sender<Asked>,
    violations: Arc<Mutex<Vec<String>>>,
}

impl Model {
    /// Listens on a free port of `address`, and answers whoever has one of `keys`.
    pub(crate) fn start(address: IpAddr, keys: &[&str]) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind((address, 0))).unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel();
        let violations: Arc<Mutex<Vec<String>>> = Arc::default();
        let shared = Shared {
            keys: Arc::new(keys.iter().map(ToString::to_string).collect()),
            requests: sender,
            violations: Arc::clone(&violations),
        };
        let app = Router::new()
            .route("/v1/chat/completions", post(complete))
            .with_state(shared);
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self {
            base_url,
            requests,
            violations,
            _runtime: runtime,
        }
    }

    /// The next request.
    pub(crate) fn asked(&self) -> Asked {
        let asked = self.requests.recv_timeout(PATIENCE);
        let refused = self.violations.lock().unwrap();
        asked.unwrap_or_else(|_| panic!("nobody asked; refused: {refused:?}"))
    }

    /// No request waits, and none broke the protocol.
    pub(crate) fn all_was_well(&self) {
        assert_eq!(*self.violations.lock().unwrap(), Vec::<String>::new());
        assert!(
            self.requests.try_recv().is_err(),
            "a request that nobody expected"
        );
    }
}

async fn complete(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    let key = match check(&shared.keys, &headers, &request) {
        Ok(key) => key,
        Err(violation) => {
            shared.violations.lock().unwrap().push(violation.clone());
            let error = Json(json!({"error": {"message": violation}}));
            return (StatusCode::BAD_REQUEST, error).into_response();
        }
    };
    let (pieces, said) = unbounded_channel::<String>();
    let asked = Asked {
        key,
        request,
        pieces,
        runtime: Handle::current(),
    };
    // The test may be over.
    let _ = shared.requests.send(asked);
    let said = stream::unfold(said, |mut said| async {
        let piece = said.recv().await?;
        Some((Ok::<_, Infallible>(piece), said))
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(said)).into_response()
}

/// What the vendor's documentation demands of a request; the key that it came with.
fn check(keys: &BTreeSet<String>, headers: &HeaderMap, request: &Value) -> Result<String, String> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let key = bearer
        .filter(|key| keys.contains(*key))
        .ok_or("the bearer token is missing or wrong")?;
    if request["stream"] != json!(true) || request["model"] != json!(NAME) {
        return Err(format!("stream or model: {request}"));
    }
    for tool in request["tools"].as_array().into_iter().flatten() {
        if tool["type"] != "function" || tool["function"]["parameters"]["type"] != "object" {
            return Err(format!("a tool is no function: {tool}"));
        }
    }
    let messages = request["messages"].as_array().ok_or("no messages")?;
    let rest = match messages.split_first() {
        Some((first, rest)) if first["role"] == "system" => rest,
        Some(_) | None => messages,
    };
    if rest.first().is_none_or(|first| first["role"] != "user") {
        return Err(format!("the user does not begin: {request}"));
    }
    if rest.last().is_some_and(|last| last["role"] == "assistant") {
        return Err(format!("the assistant ends: {request}"));
    }
    check_pairs(rest)?;
    Ok(key.to_owned())
}

/// Every call of a tool has one result, right after it, and every result its call.
fn check_pairs(messages: &[Value]) -> Result<(), String> {
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for message in messages {
        match message["role"].as_str() {
            Some("tool") => {
                let id = message["tool_call_id"].as_str().unwrap_or_default();
                if !open.remove(id) {
                    return Err(format!("a result without call: {message}"));
                }
            }
            Some(role @ ("user" | "assistant")) => {
                if !open.is_empty() {
                    return Err(format!("calls without result: {open:?}"));
                }
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    let id = call["id"].as_str().unwrap_or_default();
                    if role != "assistant" || id.is_empty() || !open.insert(id) {
                        return Err(format!("a call that cannot be: {message}"));
                    }
                }
            }
            Some(_) | None => return Err(format!("the role of {message}")),
        }
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err(format!("calls without result at the end: {open:?}"))
    }
}

impl Asked {
    /// The text of the last message.
    pub(crate) fn last(&self) -> String {
        let messages = self.request["messages"].as_array().unwrap();
        match &messages.last().unwrap()["content"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// Says a piece of the answer.
    pub(crate) fn say(&self, text: &str) -> &Self {
        self.choice(&json!({"content": text}), &Value::Null)
    }

    /// Wants a tool called.
    pub(crate) fn call(&self, id: &str, name: &str, arguments: &Value) -> &Self {
        let function = json!({"name": name, "arguments": arguments.to_string()});
        let call = json!({"index": 0, "id": id, "type": "function", "function": function});
        self.choice(&json!({"tool_calls": [call]}), &Value::Null)
    }

    /// Ends the answer.
    pub(crate) fn done(&self, reason: &str) {
        self.choice(&json!({}), &json!(reason));
        let usage = json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18});
        self.chunk(json!({"choices": [], "usage": usage}));
        self.event("[DONE]");
    }

    /// Returns when whoever asked closed the connection.
    pub(crate) fn dropped(&self) {
        let closed = async { tokio::time::timeout(PATIENCE, self.pieces.closed()).await };
        self.runtime.block_on(closed).unwrap();
    }

    fn choice(&self, delta: &Value, reason: &Value) -> &Self {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        self.chunk(json!({"choices": [choice]}))
    }

    fn chunk(&self, mut chunk: Value) -> &Self {
        chunk["id"] = json!("c");
        chunk["object"] = json!("chat.completion.chunk");
        chunk["created"] = json!(1);
        chunk["model"] = json!(NAME);
        self.event(&chunk.to_string())
    }

    fn event(&self, data: &str) -> &Self {
        // Nobody listens when the agent was killed.
        let _ = self.pieces.send(format!("data: {data}\n\n"));
        self
    }
}
