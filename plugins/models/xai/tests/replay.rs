//! Recorded answers of Responses APIs, split and cut everywhere.
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
use rivetos_model_xai::endpoint::endpoint;
use rivetos_openai::stream::StreamParser;
use rivetos_openai::{Scope, error, request};
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus, VendorBlock};
use rivetos_types::model::{ModelRequest, StreamEvent};
use rivetos_types::secret::SecretRef;
use rivetos_types::settings::{History, ToolCalls, Xai};
use rivetos_types::store::Thinking;
use rivetos_types::tool::ToolSpec;
use serde_json::{Map, Value, json};

fn settings(history: History) -> Xai {
    Xai {
        name: "test".into(),
        base_url: "http://127.0.0.1:1/v1".into(),
        model: "grok-4.3".into(),
        api_key: SecretRef::Env("K".into()),
        max_tokens: Some(7),
        temperature: Some(0.5),
        top_p: None,
        history,
        search: Vec::new(),
        tool_calls: ToolCalls::Parallel,
        extra_body: Map::new(),
        first_byte_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
    }
}

fn asked(messages: Vec<Message>) -> ModelRequest {
    let tool = ToolSpec {
        name: "shell".into(),
        description: "Runs.".into(),
        parameters: json!({ "type": "object" }),
    };
    ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: Some(Thinking::Low),
        system: "be brief".into(),
        messages: messages.into(),
        tools: [tool].into(),
    }
}

/// The paths of these are other APIs of the same vendors.
fn responses() -> Option<Vec<Exchange>> {
    recordings(|path| path.ends_with("/responses"))
}

#[test]
fn our_own_recordings() {
    let settings = settings(History::Stored);
    let request = asked(vec![Message::user("hi")]);
    let new = || StreamParser::new(&endpoint(&settings, &request), &request);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../../../agent/openai/tests/corpus/responses");
    for (name, whole) in [("text", true), ("calls", true), ("failed", false)] {
        let body = fs::read_to_string(folder.join(name)).unwrap();
        let (events, result) = check(name, &body, &new);
        assert_eq!(result.is_ok(), whole, "{name}: {events:?}");
    }
}

#[test]
fn recorded_answers() {
    let Some(recordings) = responses() else {
        return;
    };
    let settings = settings(History::Stored);
    let request = asked(vec![Message::user("hi")]);
    let new = || StreamParser::new(&endpoint(&settings, &request), &request);
    let mut rows = BTreeMap::new();
    for Exchange { name, then, .. } in recordings {
        let body = then.body.unwrap_or_default();
        let streamed = body.lines().any(|line| line.starts_with("data:"));
        let answer = if then.status == 200 && streamed {
            let answer = check(&name, &body, &new);
            check_block(&name, &answer.0);
            answer
        } else if then.status == 200 {
            // Not streamed: not what we ask for.
            continue;
        } else {
            let error = error::of_refusal(&Refusal::new(then.status, body));
            assert!(!error.to_string().contains("sk-"), "{name}: {error}");
            (Vec::new(), Err(error))
        };
        rows.insert(name, format!("{} | {}", then.status, outcome(&answer)));
    }
    check_table("responses", &rows);
}

/// What is kept of an answer is its name, just before its calls.
fn check_block(name: &str, events: &[StreamEvent]) {
    let last = events.iter().rev().find_map(|event| match event {
        StreamEvent::Vendor(block) => Some(&block.block),
        StreamEvent::Text(_)
        | StreamEvent::Reasoning(_)
        | StreamEvent::ToolCall(_)
        | StreamEvent::Done { .. } => None,
    });
    let Some(Value::Object(block)) = last else {
        return;
    };
    if block["kind"] == "response" {
        let calls = events
            .iter()
            .filter(|event| matches!(event, StreamEvent::ToolCall(_)));
        let named = block["calls"].as_array().unwrap();
        assert_eq!(named.len(), calls.count(), "{name}");
    }
}

/// Real endpoints took these requests: every field that we would send must be among theirs.
#[test]
fn recorded_requests_know_our_fields() {
    let Some(recordings) = responses() else {
        return;
    };
    let mut known = BTreeSet::new();
    for exchange in recordings {
        let body = exchange.when.body.unwrap_or_default();
        if let Ok(body) = serde_json::from_str::<Value>(&body) {
            fields("", &body, &mut known);
        }
    }
    let item =
        json!({ "type": "reasoning", "id": "rs_1", "encrypted_content": "x", "summary": [] });
    let block = VendorBlock {
        vendor: "xai".into(),
        model: "grok-4.3".into(),
        block: json!({ "kind": "reasoning", "after_calls": 0, "item": item }),
    };
    let call = ToolCall {
        id: "call_1".into(),
        name: "shell".into(),
        arguments: "{}".into(),
    };
    let result = ToolResult {
        call_id: "call_1".into(),
        content: "done".into(),
        status: ToolStatus::Ok,
        files: Vec::new(),
    };
    let request = asked(vec![
        Message::user("hi"),
        Message::Assistant {
            content: vec![ContentPart::Vendor(block), ContentPart::text("Let me see.")],
            tool_calls: vec![call],
        },
        Message::Tool(result),
    ]);
    for history in [History::Stored, History::Stateless] {
        let settings = settings(history);
        let endpoint = endpoint(&settings, &request);
        let body = request::body(&endpoint, &request, Scope::Full);
        let mut ours = BTreeSet::new();
        fields("", &body, &mut ours);
        let unknown: Vec<&String> = ours.difference(&known).collect();
        // Other recordings than those that we know may know fewer fields.
        let others = std::env::var_os("RIVETOS_MODEL_STREAMS").is_some();
        assert!(
            unknown.is_empty() || others,
            "no recorded request has {unknown:?}"
        );
    }
}
