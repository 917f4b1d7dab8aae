//! Whatever is asked, the answer is one that a client of the protocol can read.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../../../agent/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;
mod support;

use std::cell::RefCell;

use fuzzing::fuzz;
use hyper::StatusCode;
use rivetos_model_rehearsal::{FIRST_LINE, serve};
use serde_json::{Map, Value};
use support::{Client, bearer};
use tokio::runtime;

/// All texts at this place of the events, joined.
fn joined(events: &[Value], place: &str) -> String {
    let texts = events
        .iter()
        .filter_map(|event| event.pointer(place)?.as_str());
    texts.collect()
}

/// It says what it is, or calls a tool that is there with arguments of one object.
fn can_be_read(request: &Value, answer: &str) {
    let body = answer.strip_suffix("data: [DONE]\n\n").unwrap();
    let events = body.split_terminator("\n\n");
    let events: Vec<Value> = events
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect();
    let ends = events
        .iter()
        .filter_map(|event| event.pointer("/choices/0/finish_reason")?.as_str());
    let call = "/choices/0/delta/tool_calls/0/function";
    match ends.collect::<Vec<_>>().as_slice() {
        ["stop"] => {
            let text = joined(&events, "/choices/0/delta/content");
            assert_eq!(text.lines().next(), Some(FIRST_LINE));
        }
        ["tool_calls"] => {
            let name = joined(&events, &format!("{call}/name"));
            let offered = request.to_string();
            assert!(offered.contains(&format!("\"{name}\"")), "{name}");
            let arguments = joined(&events, &format!("{call}/arguments"));
            let arguments: Map<String, Value> = serde_json::from_str(&arguments).unwrap();
            assert_eq!(arguments.len(), 1);
        }
        other => panic!("the answer ends with {other:?}"),
    }
}

#[test]
fn a_request_is_refused_or_gets_a_whole_answer() {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (client, bearer, _endpoint) = runtime.block_on(async {
        let endpoint = serve().await.unwrap();
        (
            RefCell::new(Client::of(&endpoint).await),
            bearer(&endpoint),
            endpoint,
        )
    });
    let words = [
        "\"stream\":true,",
        "\"role\":\"user\"",
        "\"role\":\"tool\",\"content\":",
        "\"content\":[{\"type\":\"text\",\"text\":\"run: id\"}]",
        "run: ",
        "read: ",
        "\\n",
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"shell\"}}],",
    ];
    fuzz("request", &words, |bytes| {
        let mut client = client.borrow_mut();
        let (status, answer) = runtime.block_on(client.post(&bearer, bytes));
        if status == StatusCode::OK {
            can_be_read(&serde_json::from_slice(bytes).unwrap(), &answer);
        } else {
            assert_eq!(status, StatusCode::BAD_REQUEST);
            let refusal: Value = serde_json::from_str(&answer).unwrap();
            assert_ne!(refusal["error"]["message"].as_str().unwrap(), "");
        }
    });
}
