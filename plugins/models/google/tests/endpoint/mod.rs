//! An endpoint that takes only what the vendor takes, and says what it was given.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

mod rules;

/// The key that is taken.
pub(crate) const KEY: &str = "canary-4711";

/// What it is going to say, and what it was asked.
#[derive(Clone, Default)]
pub(crate) struct Endpoint(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// The parts of each answer.
    answers: VecDeque<Vec<Value>>,
    /// All parts that were ever said.
    said: Vec<Value>,
    asked: Vec<Value>,
    pages: usize,
}

impl Endpoint {
    /// An endpoint that gives these answers, one after the other.
    pub(crate) async fn start(answers: Vec<Vec<Value>>) -> (Self, SocketAddr) {
        let endpoint = Self::default();
        endpoint.0.lock().unwrap().answers = answers.into();
        let app = Router::new()
            .route("/v1beta/models", get(list))
            .route("/v1beta/models/{call}", post(answer))
            .with_state(endpoint.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        (endpoint, address)
    }

    /// The bodies of the requests so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.0.lock().unwrap().asked.clone()
    }

    /// How many pages of the list were read.
    pub(crate) fn pages(&self) -> usize {
        self.0.lock().unwrap().pages
    }
}

async fn answer(
    State(endpoint): State<Endpoint>,
    Path(call): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let mut inner = endpoint.0.lock().unwrap();
    inner.asked.push(body.clone());
    if let Err(message) = may_ask(&headers, query.as_deref(), "alt=sse") {
        return refuse(StatusCode::BAD_REQUEST, &message);
    }
    let Some(model) = call.strip_suffix(":streamGenerateContent") else {
        return refuse(StatusCode::NOT_FOUND, "no such method");
    };
    if let Err(message) = rules::check(model, &body, &inner.said) {
        return refuse(StatusCode::BAD_REQUEST, &message);
    }
    let parts = inner.answers.pop_front().unwrap_or_default();
    inner.said.extend(parts.iter().cloned());
    let last = parts.len().saturating_sub(1);
    let events = parts.into_iter().enumerate().map(|(at, part)| {
        let mut candidate = json!({ "content": { "role": "model", "parts": [part] }, "index": 0 });
        if at == last {
            candidate["finishReason"] = json!("STOP");
        }
        let event =
            json!({ "candidates": [candidate], "usageMetadata": { "promptTokenCount": 7 } });
        format!("data: {event}\r\n\r\n")
    });
    let events: Vec<String> = events.collect();
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        events.concat(),
    )
        .into_response()
}

/// Two pages, a model each that can answer, and one that cannot.
async fn list(
    State(endpoint): State<Endpoint>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    endpoint.0.lock().unwrap().pages += 1;
    if let Err(message) = may_ask(&headers, query.as_deref(), "pageSize=") {
        return refuse(StatusCode::BAD_REQUEST, &message);
    }
    let model = |name: &str, method: &str| {
        json!({
            "name": format!("models/{name}"),
            "inputTokenLimit": 1000,
            "outputTokenLimit": 100,
            "supportedGenerationMethods": [method, "countTokens"],
        })
    };
    if query.is_some_and(|query| query.contains("pageToken=next")) {
        return Json(json!({ "models": [model("gemini-b", "generateContent")] })).into_response();
    }
    let models = [
        model("gemini-a", "generateContent"),
        model("embedder", "embedContent"),
    ];
    Json(json!({ "models": models, "nextPageToken": "next" })).into_response()
}

fn may_ask(headers: &HeaderMap, query: Option<&str>, wanted: &str) -> Result<(), String> {
    let query = query.unwrap_or_default();
    if !query.contains(wanted) || query.contains("key=") {
        return Err(format!("the query is `{query}`"));
    }
    let key = headers
        .get("x-goog-api-key")
        .and_then(|key| key.to_str().ok());
    if key != Some(KEY) {
        return Err(format!("the key `{key:?}` is not valid"));
    }
    Ok(())
}

fn refuse(status: StatusCode, message: &str) -> Response {
    let error = json!({ "error": {
        "code": status.as_u16(), "message": message, "status": "INVALID_ARGUMENT",
    } });
    (status, Json(error)).into_response()
}
