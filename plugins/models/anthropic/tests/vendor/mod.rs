//! An endpoint that takes only what the vendor takes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rivetos_types::settings::{Anthropic, AnthropicAccess, PromptCache};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

pub(crate) mod rules;

/// The endpoint.
#[derive(Clone, Default)]
pub(crate) struct Vendor {
    /// What it answers, in this order: a status and a body.
    pub(crate) answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    /// What it was asked.
    pub(crate) seen: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    /// What the bearer tokens or keys are that it takes.
    pub(crate) credential: &'static str,
}

impl Vendor {
    pub(crate) fn new(credential: &'static str) -> Self {
        Self {
            credential,
            ..Self::default()
        }
    }

    /// Answers the next request with these events.
    pub(crate) fn streams(&self, events: &[Value]) {
        let text = |event: &Value| format!("event: x\ndata: {event}\n\n");
        let body = events.iter().map(text).collect();
        self.answers.lock().unwrap().push_back((200, body));
    }

    pub(crate) async fn serve(&self) -> SocketAddr {
        let app = Router::new()
            .route("/v1/messages", post(messages))
            .route("/v1/models", get(models))
            .with_state(self.clone());
        serve(app).await
    }

    fn wrong_headers(&self, headers: &HeaderMap) -> Option<&'static str> {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
        let key = text("x-api-key") == Some(self.credential);
        let bearer = text("authorization") == Some(&format!("Bearer {}", self.credential));
        let login = text("anthropic-beta").is_some_and(|betas| betas.contains("oauth-2025-04-20"));
        if !(key && text("authorization").is_none() || bearer && login) {
            return Some("credential");
        }
        (text("anthropic-version") != Some("2023-06-01")).then_some("anthropic-version")
    }
}

pub(crate) async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn refusal(status: u16, kind: &str, said: &str) -> Response {
    let body = json!({ "type": "error", "error": { "type": kind, "message": said } });
    let status = StatusCode::from_u16(status).unwrap();
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}

async fn messages(State(vendor): State<Vendor>, headers: HeaderMap, body: String) -> Response {
    let body: Value = serde_json::from_str(&body).unwrap();
    if let Some(wrong) = vendor.wrong_headers(&headers) {
        return refusal(401, "authentication_error", wrong);
    }
    vendor.seen.lock().unwrap().push((headers, body.clone()));
    if let Err(broken) = rules::check(&body) {
        return refusal(400, "invalid_request_error", &broken);
    }
    let answer = vendor.answers.lock().unwrap().pop_front();
    let (status, body) = answer.unwrap_or_else(|| (500, String::new()));
    let kind = if status == 200 {
        "text/event-stream"
    } else {
        "application/json"
    };
    let status = StatusCode::from_u16(status).unwrap();
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::RETRY_AFTER, "3"),
        (header::HeaderName::from_static("request-id"), "req_1"),
    ];
    (status, headers, body).into_response()
}

/// Three models on pages of at most two.
async fn models(
    State(vendor): State<Vendor>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    if let Some(wrong) = vendor.wrong_headers(&headers) {
        return refusal(401, "authentication_error", &format!("{wrong} {headers:?}"));
    }
    let query = query.unwrap_or_default();
    let first = json!({ "id": "claude-opus-9", "max_input_tokens": 9, "max_tokens": 3 });
    let page = if query.contains("after_id=claude-haiku-4-5") {
        json!({ "data": [{ "id": "unheard-of" }], "has_more": false, "last_id": "unheard-of" })
    } else {
        json!({ "data": [first, { "id": "claude-haiku-4-5" }], "has_more": true,
            "last_id": "claude-haiku-4-5" })
    };
    (
        [(header::CONTENT_TYPE, "application/json")],
        page.to_string(),
    )
        .into_response()
}

pub(crate) fn settings(address: SocketAddr, model: &str, access: AnthropicAccess) -> Anthropic {
    Anthropic {
        name: "test".into(),
        base_url: format!("http://{address}/"),
        model: model.into(),
        access,
        max_tokens: Some(4000),
        temperature: Some(0.5),
        top_p: None,
        prompt_cache: PromptCache::Minutes,
        server_tools: Vec::new(),
        betas: Vec::new(),
        extra_body: Map::new(),
        first_byte_timeout: Duration::from_secs(20),
        idle_timeout: Duration::from_secs(20),
    }
}

/// The events of an answer with these blocks, whole from the start.
pub(crate) fn events(blocks: &[Value], reason: &str) -> Vec<Value> {
    let usage = json!({ "input_tokens": 1, "output_tokens": 1 });
    let mut events = vec![json!({ "type": "message_start", "message": { "usage": usage } })];
    for (index, block) in blocks.iter().enumerate() {
        let block =
            json!({ "type": "content_block_start", "index": index, "content_block": block });
        events.push(block);
        events.push(json!({ "type": "content_block_stop", "index": index }));
    }
    events.push(json!({ "type": "message_delta", "delta": { "stop_reason": reason } }));
    events.push(json!({ "type": "message_stop" }));
    events
}

pub(crate) fn said(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}
