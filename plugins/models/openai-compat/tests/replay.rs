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
use rivetos_model_openai_compat::request;
use rivetos_model_openai_compat::stream::StreamParser;
use rivetos_openai::error;
use rivetos_types::message::Message;
use rivetos_types::model::ModelRequest;
use rivetos_types::settings::{CompatApi, OpenAiCompat};
use rivetos_types::tool::ToolSpec;
use serde_json::{Map, Value, json};

#[test]
fn our_own_recordings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/streams");
    for name in ["tools", "cut-off", "refused"] {
        let body = fs::read_to_string(folder.join(format!("{name}.sse"))).unwrap();
        let (events, result) = check(name, &body, &|| StreamParser::new("m-1"));
        assert_eq!(result, Ok(()), "{name}");
        insta::assert_debug_snapshot!(name, events);
    }
}

/// Whether these are not the recordings that we know: they may say nothing, and know fewer fields.
fn are_others() -> bool {
    std::env::var_os("RIVETOS_MODEL_STREAMS").is_some()
}

/// The paths of these are other APIs of the same vendors.
fn chats() -> Option<Vec<Exchange>> {
    recordings(|path| path.ends_with("/chat/completions"))
}

#[test]
fn recorded_answers() {
    let Some(recordings) = chats() else { return };
    let mut rows = BTreeMap::new();
    for Exchange { name, then, .. } in recordings {
        let body = then.body.unwrap_or_default();
        let streamed = body.lines().any(|line| line.starts_with("data:"));
        let answer = if then.status == 200 && streamed {
            let answer = check(&name, &body, &|| StreamParser::new("m-1"));
            // Only an answer that ended otherwise than by itself may say nothing at all.
            let silent = answer.0.len() < 2 && outcome(&answer).starts_with("End");
            assert!(!silent || are_others(), "{name}: {answer:?}");
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
    check_table("openai-compat", &rows);
}

/// Real endpoints took these requests: every field that we would send must be among theirs.
#[test]
fn recorded_requests_know_our_fields() {
    let Some(recordings) = chats() else { return };
    let mut known = BTreeSet::new();
    for exchange in recordings {
        let body = exchange.when.body.unwrap_or_default();
        if let Ok(body) = serde_json::from_str::<Value>(&body) {
            fields("", &body, &mut known);
        }
    }
    let tool = ToolSpec {
        name: "shell".into(),
        description: "Runs.".into(),
        parameters: json!({ "type": "object" }),
    };
    let request = ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: "be brief".into(),
        messages: vec![Message::user("hi"), Message::assistant("hello")].into(),
        tools: [tool].into(),
    };
    let settings = OpenAiCompat {
        name: "test".into(),
        base_url: "http://127.0.0.1:1/v1".into(),
        api: CompatApi::Chat,
        model: "m-1".into(),
        api_key: None,
        max_tokens: Some(7),
        temperature: Some(0.1),
        top_p: None,
        repeat_penalty: None,
        extra_body: Map::new(),
        first_byte_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
    };
    let mut ours = BTreeSet::new();
    fields("", &request::body(&settings, &request), &mut ours);
    let unknown: Vec<&String> = ours.difference(&known).collect();
    assert!(
        unknown.is_empty() || are_others(),
        "no recorded request has {unknown:?}"
    );
}
