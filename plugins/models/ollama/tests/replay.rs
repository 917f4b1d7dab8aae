//! Recorded answers, split and cut everywhere.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../../../../agent/http/tests/replay/mod.rs"]
mod replay;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use replay::{Exchange, check, check_table, fields, outcome, recordings};
use rivetos_http::Refusal;
use rivetos_model_ollama::stream::StreamParser;
use rivetos_model_ollama::{error, request};
use rivetos_types::message::{Message, ToolCall, ToolResult, ToolStatus};
use rivetos_types::model::ModelRequest;
use rivetos_types::settings::Ollama;
use rivetos_types::tool::ToolSpec;
use serde_json::{Map, Value, json};

#[test]
fn our_own_recordings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/streams");
    for name in ["tools", "cut-off"] {
        let body = fs::read_to_string(folder.join(format!("{name}.ndjson"))).unwrap();
        let (events, result) = check(name, &body, &|| StreamParser::new("m"));
        assert_eq!(result, Ok(()), "{name}");
        insta::assert_debug_snapshot!(name, events);
    }
}

fn chats() -> Option<Vec<Exchange>> {
    recordings(|path| path.ends_with("/api/chat"))
}

#[test]
fn recorded_answers() {
    let Some(recordings) = chats() else { return };
    let mut rows = BTreeMap::new();
    for Exchange { name, when, then } in recordings {
        // An answer that nobody asked to be streamed is a single line of the same form.
        let asked: Value = serde_json::from_str(&when.body.unwrap_or_default()).unwrap_or_default();
        if asked["stream"] == json!(false) {
            continue;
        }
        let body = then.body.unwrap_or_default();
        let answer = if then.status == 200 {
            check(&name, &body, &|| StreamParser::new("m"))
        } else {
            let error = error::of_refusal(&Refusal::new(then.status, body));
            (Vec::new(), Err(error))
        };
        rows.insert(name, format!("{} | {}", then.status, outcome(&answer)));
    }
    check_table("ollama", &rows);
}

/// In the server's reference, and in no recording.
const DOCUMENTED: &[&str] = &[
    "/keep_alive",
    "/options/num_ctx",
    "/options/temperature",
    "/options/top_p",
];

/// Servers took these requests: every other field that we would send must be among theirs.
#[test]
fn recorded_requests_know_our_fields() {
    let Some(recordings) = chats() else { return };
    let mut known: BTreeSet<String> = DOCUMENTED.iter().map(ToString::to_string).collect();
    for exchange in recordings {
        let body = exchange.when.body.unwrap_or_default();
        if let Ok(body) = serde_json::from_str::<Value>(&body) {
            fields("", &body, &mut known);
        }
    }
    let settings = Ollama {
        name: "test".into(),
        base_url: "http://127.0.0.1:1".into(),
        model: "qwen3:4b".into(),
        api_key: None,
        max_tokens: Some(7),
        num_ctx: Some(8192),
        temperature: None,
        top_p: None,
        keep_alive: None,
        options: Map::new(),
        extra_body: Map::new(),
        first_byte_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
    };
    let mut ours = BTreeSet::new();
    let body = request::body(&settings, &full_request(), Some(json!(false)));
    fields("", &body, &mut ours);
    let unknown: Vec<&String> = ours.difference(&known).collect();
    assert!(unknown.is_empty(), "no recorded request has {unknown:?}");
}

fn full_request() -> ModelRequest {
    let number = json!({ "type": "number", "description": "A number." });
    let tool = ToolSpec {
        name: "add".into(),
        description: "Adds.".into(),
        parameters: json!({
            "type": "object",
            "properties": { "x": number, "y": number },
            "required": ["x", "y"],
        }),
    };
    let messages = vec![
        Message::user("hi"),
        Message::Assistant {
            content: Vec::new(),
            tool_calls: vec![ToolCall {
                id: "call_0".into(),
                name: "add".into(),
                arguments: r#"{"x":1,"y":2}"#.into(),
            }],
        },
        Message::Tool(ToolResult {
            call_id: "call_0".into(),
            content: "3".into(),
            status: ToolStatus::Ok,
            files: Vec::new(),
        }),
    ];
    ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: "be brief".into(),
        messages: messages.into(),
        tools: [tool].into(),
    }
}
