//! A server that takes only what Ollama takes, and says what it was given.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

mod rules;

/// The bearer token that is wanted.
pub(crate) const TOKEN: &str = "canary-4711";

/// What it has. The names say what the models can.
const MODELS: [&str; 3] = ["thinks", "gpt-oss", "simple"];

#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    asked: Vec<Value>,
    shown: Vec<Value>,
}

impl Server {
    pub(crate) async fn start() -> (Self, SocketAddr) {
        let server = Self::default();
        let app = Router::new()
            .route(
                "/api/version",
                get(async || Json(json!({ "version": "0.12.0" }))),
            )
            .route("/api/tags", get(tags))
            .route("/api/show", post(show))
            .route("/api/pull", post(pull))
            .route("/api/chat", post(chat))
            .with_state(server.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        (server, address)
    }

    /// The bodies of the chats with a model.
    pub(crate) fn asked(&self, model: &str) -> Vec<Value> {
        let asked = self.0.lock().unwrap().asked.clone();
        asked
            .into_iter()
            .filter(|body| body["model"] == model)
            .collect()
    }

    /// How often somebody wanted to know what a model can.
    pub(crate) fn shown(&self, model: &str) -> usize {
        let shown = &self.0.lock().unwrap().shown;
        shown.iter().filter(|body| body["model"] == model).count()
    }
}

async fn tags() -> Json<Value> {
    let models = MODELS.map(|name| json!({ "name": name, "size": 1, "details": {} }));
    Json(json!({ "models": models }))
}

async fn show(State(server): State<Server>, Json(body): Json<Value>) -> Response {
    server.0.lock().unwrap().shown.push(body.clone());
    let name = body["model"].as_str().unwrap_or_default();
    let (family, capabilities) = match name {
        "thinks" => ("qwen3", json!(["completion", "tools", "thinking"])),
        "gpt-oss" => ("gptoss", json!(["completion", "tools", "thinking"])),
        "simple" => ("llama", json!(["completion", "tools"])),
        _ => return refuse(StatusCode::NOT_FOUND, &format!("model '{name}' not found")),
    };
    Json(json!({
        "details": { "family": family },
        "model_info": { "general.architecture": family, format!("{family}.context_length"): 40960 },
        "capabilities": capabilities,
    }))
    .into_response()
}

async fn pull(Json(body): Json<Value>) -> Response {
    let has = |bytes| json!({ "status": "pulling 6a", "digest": "sha256:6a", "total": 100, "completed": bytes });
    let manifest = json!({ "status": "pulling manifest" });
    match body["model"].as_str() {
        Some("") | None => refuse(StatusCode::BAD_REQUEST, "invalid model name"),
        Some("gone") => lines(&[
            manifest,
            json!({ "error": "pull model manifest: file does not exist" }),
        ]),
        Some(_) => lines(&[manifest, has(0), has(60), json!({ "status": "success" })]),
    }
}

/// Looks twice, and answers when it has seen.
async fn chat(
    State(server): State<Server>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    server.0.lock().unwrap().asked.push(body.clone());
    let token = headers
        .get(header::AUTHORIZATION)
        .map(HeaderValue::as_bytes);
    if token != Some(format!("Bearer {TOKEN}").as_bytes()) {
        return refuse(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    if let Err(message) = rules::check(&body) {
        return refuse(StatusCode::BAD_REQUEST, &message);
    }
    let say = |message: Value| json!({ "message": message, "done": false });
    let done = json!({ "message": { "content": "" }, "done": true, "done_reason": "stop" });
    let messages = body["messages"].as_array().unwrap();
    if messages.iter().any(|message| message["role"] == "tool") {
        return lines(&[say(json!({ "content": "Blue." })), done]);
    }
    let call = json!({ "function": { "name": "look", "arguments": { "at": "sky" } } });
    let mut said = vec![say(json!({ "tool_calls": [call, call] })), done];
    if body.get("think").is_some() {
        said.insert(0, say(json!({ "thinking": "hm" })));
    }
    lines(&said)
}

fn lines(lines: &[Value]) -> Response {
    let lines: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    (
        [(header::CONTENT_TYPE, "application/x-ndjson")],
        lines.concat(),
    )
        .into_response()
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
