//! Model providers of every kind on one port, and an authorisation server beside them.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The key that everybody here wants.
pub(crate) const KEY: &str = "canary-4711";

/// The vendors, for as long as they live.
pub(crate) struct Vendors {
    /// Without a path: `/llama/v1`, `/ollama`, `/claude` and `/oauth/token` are below it.
    pub(crate) url: String,
    logins: Logins,
    _runtime: Runtime,
}

type Logins = Arc<Mutex<Vec<Value>>>;

impl Vendors {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let logins = Logins::default();
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&logins));
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self {
            url,
            logins,
            _runtime: runtime,
        }
    }

    /// What the authorisation server was asked for, in order.
    pub(crate) fn grants(&self) -> Vec<String> {
        let logins = self.logins.lock().unwrap();
        let grants = logins.iter().map(|grant| {
            let secret = grant.get("code").or_else(|| grant.get("refresh_token"));
            let secret = secret.and_then(Value::as_str).unwrap_or_default();
            format!("{} {secret}", grant["grant_type"].as_str().unwrap())
        });
        grants.collect()
    }
}

async fn answer(
    State(logins): State<Logins>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if uri.path() == "/oauth/token" {
        return grant(&logins, &body);
    }
    let given = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = given("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let count = logins.lock().unwrap().len();
    let current = format!("canary-access-{count}");
    if given("x-api-key")
        .or(bearer)
        .is_none_or(|key| key != KEY && key != current)
    {
        let error = json!({"type": "error", "error": {"type": "authentication_error",
            "message": "invalid key"}});
        return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
    }
    match uri.path() {
        "/llama/v1/models" => Json(json!({"object": "list", "data": [
            {"id": "qwen3", "object": "model", "max_model_len": 32768},
            {"id": "other", "object": "model"},
        ]}))
        .into_response(),
        "/claude/v1/models" => Json(json!({"data": [
            {"type": "model", "id": "claude-sonnet-4-5", "display_name": "Claude"},
        ], "has_more": false}))
        .into_response(),
        "/ollama/api/tags" => Json(json!({"models": [
            {"name": "qwen3:latest", "size": 2_600_000_000_u64},
        ]}))
        .into_response(),
        "/ollama/api/pull" => lines(&[
            json!({"status": "pulling manifest"}),
            json!({"status": "pulling a", "digest": "a", "total": 4_000_000, "completed": 1_000_000}),
            json!({"status": "pulling a", "digest": "a", "total": 4_000_000, "completed": 4_000_000}),
            json!({"status": "success"}),
        ]),
        "/llama/v1/chat/completions" => events(&[
            json!({"choices": [{"delta": {"content": "ready"}}]}),
            json!({"choices": [{"delta": {}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 1}}),
        ]),
        "/claude/v1/messages" => events(&[
            json!({"type": "message_start", "message": {"id": "m", "role": "assistant",
                "content": [], "model": "c", "usage": {"input_tokens": 7, "output_tokens": 1}}}),
            json!({"type": "content_block_start", "index": 0,
                "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "text_delta", "text": "Good day."}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                "usage": {"output_tokens": 3}}),
            json!({"type": "message_stop"}),
        ]),
        other => (StatusCode::NOT_FOUND, other.to_owned()).into_response(),
    }
}

/// Tokens that end before long, so that they are renewed at once.
fn grant(logins: &Logins, body: &[u8]) -> Response {
    let mut logins = logins.lock().unwrap();
    logins.push(serde_json::from_slice(body).unwrap());
    let count = logins.len();
    let seconds = if count == 1 { 60 } else { 3600 };
    Json(json!({
        "access_token": format!("canary-access-{count}"),
        "refresh_token": format!("canary-refresh-{count}"),
        "expires_in": seconds,
    }))
    .into_response()
}

fn lines(lines: &[Value]) -> Response {
    let lines = lines.iter().map(|line| format!("{line}\n"));
    let text = lines.collect::<Vec<_>>().concat();
    ([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response()
}

fn events(events: &[Value]) -> Response {
    let text = events.iter().map(|event| match event["type"].as_str() {
        Some(name) => format!("event: {name}\ndata: {event}\n\n"),
        None => format!("data: {event}\n\n"),
    });
    let text = text.collect::<Vec<_>>().concat();
    ([(header::CONTENT_TYPE, "text/event-stream")], text).into_response()
}
