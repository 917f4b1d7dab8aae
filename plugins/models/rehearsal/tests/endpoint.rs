//! The endpoint over a real socket.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use hyper::StatusCode;
use rivetos_model_rehearsal::{FIRST_LINE, Rehearsal, serve};
use rivetos_types::secret::{SecretRef, SecretResolver};
use serde_json::{Value, json};
use support::{Client, bearer};
use tokio::net::TcpStream;

async fn post(endpoint: &Rehearsal, bearer: &str, body: &Value) -> (StatusCode, String) {
    let mut client = Client::of(endpoint).await;
    client.post(bearer, body.to_string().as_bytes()).await
}

fn chat(text: &str) -> Value {
    json!({
        "model": "rehearsal", "stream": true,
        "messages": [{ "role": "user", "content": text }],
        "tools": [{ "type": "function", "function": { "name": "shell", "parameters": {} } }],
    })
}

#[tokio::test]
async fn answers_are_streams_and_always_the_same() {
    let endpoint = serve().await.unwrap();
    let bearer = bearer(&endpoint);
    let (status, first) = post(&endpoint, &bearer, &chat("hello")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(post(&endpoint, &bearer, &chat("hello")).await.1, first);
    assert!(first.ends_with("data: [DONE]\n\n"));
    let chunks = first
        .lines()
        .filter_map(|line| line.strip_prefix("data: {"));
    let chunks = chunks.map(|json| serde_json::from_str::<Value>(&format!("{{{json}")).unwrap());
    let text = |chunk: Value| {
        chunk
            .pointer("/choices/0/delta/content")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let text: String = chunks.filter_map(text).collect();
    assert_eq!(text.lines().next(), Some(FIRST_LINE));
    let (_, call) = post(&endpoint, &bearer, &chat("run: uname -a")).await;
    insta::assert_snapshot!(call);
}

#[tokio::test]
async fn nobody_else_is_answered() {
    let endpoint = serve().await.unwrap();
    for wrong in ["", "undefined", &"0".repeat(64)] {
        let (status, _) = post(&endpoint, wrong, &chat("run: id")).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{wrong:?}");
    }
    let other = serve().await.unwrap();
    assert_ne!(bearer(&endpoint), bearer(&other));
}

#[tokio::test]
async fn what_it_cannot_read_is_refused() {
    let endpoint = serve().await.unwrap();
    let bearer = bearer(&endpoint);
    for body in [json!("hello"), json!({ "messages": [] })] {
        assert_eq!(
            post(&endpoint, &bearer, &body).await.0,
            StatusCode::BAD_REQUEST
        );
    }
}

#[tokio::test]
async fn it_stops_when_it_is_dropped() {
    let endpoint = serve().await.unwrap();
    let address = endpoint.base_url().strip_prefix("http://").unwrap();
    let address = address.strip_suffix("/v1").unwrap().to_owned();
    assert_eq!(
        endpoint
            .resolve(&SecretRef::Env("x".into()))
            .unwrap()
            .expose()
            .len(),
        64
    );
    drop(endpoint);
    while TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
