//! A vendor that holds every request against the published rules of the Responses API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

mod rules;

use rules::{Known, Wrong, check};

pub(crate) const KEY: &str = "canary-key";

/// What is remembered.
#[derive(Default)]
pub(crate) struct Vendor {
    /// The bodies of all requests.
    pub(crate) asked: Vec<Value>,
    /// Answers that are kept, with the calls that nobody has answered yet.
    kept: BTreeMap<String, Vec<String>>,
    answers: usize,
}

pub(crate) type Shared = Arc<Mutex<Vendor>>;

pub(crate) async fn serve() -> (SocketAddr, Shared) {
    let shared = Shared::default();
    let app = Router::new()
        .route("/v1/responses", post(respond))
        .route("/v1/models", get(models))
        .with_state(Arc::clone(&shared));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, shared)
}

impl Vendor {
    /// All answers are gone, as after 30 days.
    pub(crate) fn forget(&mut self) {
        self.kept.clear();
    }
}

fn refused(status: StatusCode, said: &str) -> Response {
    let body = json!({ "code": "Client specified an invalid argument", "error": said });
    (status, Json(body)).into_response()
}

fn has_key(headers: &HeaderMap) -> bool {
    headers
        .get(header::AUTHORIZATION)
        .is_some_and(|value| value == &format!("Bearer {KEY}"))
}

async fn models(headers: HeaderMap) -> Response {
    if has_key(&headers) {
        Json(json!({ "object": "list", "data": [{ "id": "grok-4.3", "object": "model" }] }))
            .into_response()
    } else {
        let key = headers[header::AUTHORIZATION].to_str().unwrap();
        refused(
            StatusCode::BAD_REQUEST,
            &format!("Incorrect API key: {key}"),
        )
    }
}

async fn respond(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let mut vendor = shared.lock().unwrap();
    vendor.asked.push(body.clone());
    if !has_key(&headers) {
        return refused(StatusCode::BAD_REQUEST, "Incorrect API key");
    }
    let known = Known {
        kept: &|id| vendor.kept.get(id).cloned(),
        sealed: &|text| text.starts_with("sealed"),
    };
    match check(&body, &known) {
        Err(Wrong::Lost(said)) => return refused(StatusCode::NOT_FOUND, &said),
        Err(Wrong::Invalid(said)) => return refused(StatusCode::UNPROCESSABLE_ENTITY, &said),
        Ok(()) => {}
    }
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        vendor.answer(&body),
    )
        .into_response()
}

impl Vendor {
    /// Calls a tool for every message of a person, and says something to everything else.
    fn answer(&mut self, body: &Value) -> String {
        self.answers += 1;
        let number = self.answers;
        let id = format!("resp_{number}");
        let calls = body["input"].as_array().unwrap().last().unwrap()["role"] == "user";
        let mut output = Vec::new();
        if body["include"] == json!(["reasoning.encrypted_content"]) {
            output.push(json!({
                "type": "reasoning", "id": format!("rs_{number}"), "status": "completed",
                "summary": [], "encrypted_content": format!("sealed-{number}"),
            }));
        }
        output.push(if calls {
            json!({
                "type": "function_call", "id": format!("fc_{number}"), "status": "completed",
                "call_id": format!("call_{number}"), "name": "shell", "arguments": "{\"command\":\"ls\"}",
            })
        } else {
            json!({
                "type": "message", "id": format!("msg_{number}"), "role": "assistant", "status": "completed",
                "content": [{ "type": "output_text", "text": format!("answer {number}") }],
            })
        });
        let store = body["store"] == true;
        if store {
            let open = if calls {
                vec![format!("call_{number}")]
            } else {
                Vec::new()
            };
            self.kept.insert(id.clone(), open);
        }
        let mut events: Vec<Value> = output
            .iter()
            .enumerate()
            .map(|(at, item)| json!({ "type": "response.output_item.done", "output_index": at, "item": item }))
            .collect();
        let response = json!({ "id": id, "status": "completed", "store": store, "output": output });
        events.push(json!({ "type": "response.completed", "response": response }));
        let events = events.iter().map(|event| {
            format!(
                "event: {}\ndata: {event}\n\n",
                event["type"].as_str().unwrap()
            )
        });
        events.collect::<Vec<_>>().concat()
    }
}
