//! The endpoint.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use data_encoding::HEXLOWER;
use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};
use rivetos_types::settings::{CompatApi, OpenAiCompat};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::answer::answer;
use crate::wire::{self, ChatRequest, Role};

/// The longest request: a whole conversation with what tools said in it.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A running endpoint. Dropping it stops it.
///
/// It is also the [`SecretResolver`] of its own bearer, which therefore never leaves the process:
/// whatever is asked for, the answer is the bearer.
pub struct Rehearsal {
    base_url: String,
    bearer: Secret<String>,
    task: JoinHandle<()>,
}

/// Starts the endpoint on a free port of loopback. Only who has the bearer is answered, so that
/// nothing else on the host comes to use it.
pub async fn serve() -> io::Result<Rehearsal> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let bearer = Secret::new(HEXLOWER.encode(&random));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base_url = format!("http://{}/v1", listener.local_addr()?);
    let expected: Arc<Secret<String>> = Arc::new(bearer.clone());
    let app = Router::new()
        .route("/v1/chat/completions", post(complete))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(expected);
    let task = tokio::spawn(async move {
        // It ends with the task only: errors of single connections do not stop it.
        let _ = axum::serve(listener, app).await;
    });
    Ok(Rehearsal {
        base_url,
        bearer,
        task,
    })
}

impl Rehearsal {
    /// Up to and without `/chat/completions`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Settings with which the plugin for OpenAI-compatible endpoints speaks to this one; give it
    /// this value as its resolver.
    pub fn settings(&self) -> OpenAiCompat {
        OpenAiCompat {
            name: "rehearsal".to_owned(),
            base_url: self.base_url.clone(),
            api: CompatApi::Chat,
            model: "rehearsal".to_owned(),
            api_key: Some(SecretRef::Env("REHEARSAL".to_owned())),
            max_tokens: None,
            temperature: None,
            top_p: None,
            repeat_penalty: None,
            extra_body: Map::new(),
            first_byte_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(10),
        }
    }
}

impl SecretResolver for Rehearsal {
    fn resolve(&self, _: &SecretRef) -> Result<Secret<String>, SecretError> {
        Ok(self.bearer.clone())
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn complete(
    State(bearer): State<Arc<Secret<String>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let given = headers
        .get(header::AUTHORIZATION)
        .map(HeaderValue::as_bytes);
    let given = given
        .and_then(|value| value.strip_prefix(b"Bearer "))
        .unwrap_or_default();
    if !bearer.matches(given) {
        return refuse(
            StatusCode::UNAUTHORIZED,
            "only the agent that started it may use rehearsal",
        );
    }
    // By way of a value: what is only skipped is not checked, and vendors refuse broken JSON too.
    let request = serde_json::from_slice::<Value>(&body).and_then(serde_json::from_value);
    let request: ChatRequest = match request {
        Ok(request) => request,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    if !request.stream {
        return refuse(
            StatusCode::BAD_REQUEST,
            "rehearsal only streams: set `stream` to true",
        );
    }
    let turn = request
        .messages
        .iter()
        .filter(|message| message.role == Role::Assistant)
        .count();
    let events = wire::events(&answer(&request), turn, body.len());
    ([(header::CONTENT_TYPE, "text/event-stream")], events).into_response()
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": { "message": message } }))).into_response()
}
