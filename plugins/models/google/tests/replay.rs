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
use rivetos_model_google::stream::StreamParser;
use rivetos_model_google::{error, request};
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus, VendorBlock};
use rivetos_types::model::ModelRequest;
use rivetos_types::secret::SecretRef;
use rivetos_types::settings::Google;
use rivetos_types::store::Thinking;
use rivetos_types::tool::ToolSpec;
use serde_json::{Map, Value, json};

const MODEL: &str = "gemini-2.5-flash";

#[test]
fn our_own_recordings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/streams");
    for name in ["tools", "code", "blocked", "refused"] {
        let body = fs::read_to_string(folder.join(format!("{name}.sse"))).unwrap();
        let (events, result) = check(name, &body, &|| StreamParser::new(MODEL));
        assert_eq!(result, Ok(()), "{name}");
        insta::assert_debug_snapshot!(name, events);
    }
}

/// Answers of models; other paths are other APIs of the vendor.
fn answers() -> Option<Vec<Exchange>> {
    recordings(|path| path.contains("/models/") && path.ends_with("enerateContent"))
}

#[test]
fn recorded_answers() {
    let Some(recordings) = answers() else { return };
    let mut rows = BTreeMap::new();
    for Exchange { name, when, then } in recordings {
        let body = then.body.unwrap_or_default();
        let streamed = body.lines().any(|line| line.starts_with("data:"));
        let answer = if then.status == 200 && streamed {
            let model = when.path.rsplit('/').next().unwrap_or_default();
            check(&name, &body, &|| StreamParser::new(model))
        } else if then.status == 200 {
            // Not streamed: not what we ask for.
            continue;
        } else {
            let error = error::of_refusal(&Refusal::new(then.status, body));
            (Vec::new(), Err(error))
        };
        rows.insert(name, format!("{} | {}", then.status, outcome(&answer)));
    }
    check_table("google", &rows);
}

/// The vendor took these requests: every field that we would send must be among theirs.
#[test]
fn recorded_requests_know_our_fields() {
    let Some(recordings) = answers() else { return };
    let mut known = BTreeSet::new();
    for exchange in recordings {
        let body = exchange.when.body.unwrap_or_default();
        if let Ok(body) = serde_json::from_str::<Value>(&body) {
            fields("", &body, &mut known);
        }
    }
    let mut ours = BTreeSet::new();
    fields("", &request::body(&settings(), &full_request()), &mut ours);
    let unknown: Vec<&String> = ours.difference(&known).collect();
    assert!(unknown.is_empty(), "no recorded request has {unknown:?}");
}

fn settings() -> Google {
    Google {
        name: "test".into(),
        base_url: "http://127.0.0.1:1/v1beta".into(),
        model: MODEL.into(),
        api_key: SecretRef::Env("KEY".into()),
        max_tokens: Some(7),
        temperature: Some(0.1),
        top_p: None,
        server_tools: Vec::new(),
        extra_body: Map::new(),
        first_byte_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
    }
}

fn full_request() -> ModelRequest {
    let number = json!({ "type": "number", "description": "A number.", "format": "double" });
    let tool = ToolSpec {
        name: "add".into(),
        description: "Adds.".into(),
        parameters: json!({
            "type": "object",
            "properties": { "x": number, "y": number },
            "required": ["x", "y"],
        }),
    };
    let call = ToolCall {
        id: "call_0".into(),
        name: "add".into(),
        arguments: r#"{"x":1,"y":2}"#.into(),
    };
    let signed = VendorBlock {
        vendor: "google".into(),
        model: MODEL.into(),
        block: json!({ "call": { "index": 0, "signature": "s" } }),
    };
    let messages = vec![
        Message::user("hi"),
        Message::Assistant {
            content: vec![ContentPart::text("hello"), ContentPart::Vendor(signed)],
            tool_calls: vec![call],
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
        thinking: Some(Thinking::High),
        system: "be brief".into(),
        messages: messages.into(),
        tools: [tool].into(),
    }
}
