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
    if let Err((status, said)) = vendor.check(&body) {
        return refused(status, &said);
    }
    (
        [(header::CONTENT_TYPE, "text/event-stream")],
        vendor.answer(&body),
    )
        .into_response()
}

type Verdict = Result<(), (StatusCode, String)>;

fn wrong<T: Into<String>>(said: T) -> Verdict {
    Err((StatusCode::UNPROCESSABLE_ENTITY, said.into()))
}

/// A text, or parts of the kinds that there are.
fn is_content(content: &Value) -> bool {
    let data = |value: &Value, kind: &str| {
        let data = value.as_str().unwrap_or_default();
        data.starts_with(&format!("data:{kind}")) && data.contains(";base64,")
    };
    let is_part = |part: &Value| match part["type"].as_str() {
        Some("input_text") => part["text"].is_string(),
        Some("input_image") => data(&part["image_url"], "image/"),
        Some("input_file") => {
            data(&part["file_data"], "application/pdf") && part["filename"].is_string()
        }
        _ => false,
    };
    let parts = content.as_array();
    content.is_string() || parts.is_some_and(|parts| parts.iter().all(is_part))
}

impl Vendor {
    fn check(&self, body: &Value) -> Verdict {
        if body["stream"] != true || !body["store"].is_boolean() || !body["model"].is_string() {
            return wrong("model, stream or store is missing");
        }
        let Some(items) = body["input"].as_array().filter(|items| !items.is_empty()) else {
            return wrong("input must not be empty");
        };
        let mut open = Vec::new();
        let goes_on = body.get("previous_response_id").and_then(Value::as_str);
        if let Some(id) = goes_on {
            let Some(calls) = self.kept.get(id) else {
                let said = format!("Response with id={id} not found");
                return Err((StatusCode::NOT_FOUND, said));
            };
            open.clone_from(calls);
        }
        for (at, item) in items.iter().enumerate() {
            let next = items.get(at + 1);
            match item["type"].as_str() {
                Some("message") if !is_content(&item["content"]) => {
                    return wrong(format!("unsupported content: {}", item["content"]));
                }
                Some("message") => match item["role"].as_str() {
                    Some("system") if at == 0 && goes_on.is_none() => {}
                    Some("user" | "assistant") if open.is_empty() => {}
                    role => return wrong(format!("no place for a message of {role:?}")),
                },
                Some("function_call") => open.push(item["call_id"].as_str().unwrap().to_owned()),
                Some("function_call_output") => {
                    let Some(at) = open.iter().position(|id| item["call_id"] == **id) else {
                        return wrong(format!("no call for {item}"));
                    };
                    open.remove(at);
                }
                Some("reasoning") => {
                    let own = item["encrypted_content"]
                        .as_str()
                        .is_some_and(|text| text.starts_with("sealed"));
                    let followed = next.is_some_and(|next| {
                        next["type"] == "function_call" || next["role"] == "assistant"
                    });
                    if !own || !followed || item.get("status").is_some() {
                        return wrong(format!("no place for {item}"));
                    }
                }
                kind => return wrong(format!("an item of the kind {kind:?}")),
            }
        }
        if open.is_empty() {
            Ok(())
        } else {
            wrong(format!("no output for {open:?}"))
        }
    }

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
