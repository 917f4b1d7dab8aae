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
use std::sync::Arc;
use std::time::Duration;

use replay::{Exchange, check, check_table, fields, outcome, recordings};
use rivetos_http::Refusal;
use rivetos_model_anthropic::error;
use rivetos_model_anthropic::request::{Replay, body};
use rivetos_model_anthropic::stream::StreamParser;
use rivetos_types::media::{Attachment, FileDigest, MediaType};

use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus, VendorBlock};
use rivetos_types::model::ModelRequest;
use rivetos_types::secret::SecretRef;
use rivetos_types::settings::{Anthropic, AnthropicAccess, PromptCache};
use rivetos_types::store::Thinking;
use rivetos_types::tool::ToolSpec;
use serde_json::{Map, Value, json};

fn parser() -> StreamParser {
    StreamParser::new("m-1")
}

#[test]
fn our_own_recordings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/streams");
    for name in ["tools", "searched", "cut-off"] {
        let body = fs::read_to_string(folder.join(format!("{name}.sse"))).unwrap();
        let (events, result) = check(name, &body, &parser);
        assert_eq!(result, Ok(()), "{name}");
        insta::assert_debug_snapshot!(name, events);
    }
}

fn exchanges() -> Option<Vec<Exchange>> {
    recordings(|path| path.ends_with("/messages"))
}

#[test]
fn recorded_answers() {
    let Some(recordings) = exchanges() else {
        return;
    };
    let mut rows = BTreeMap::new();
    for Exchange { name, then, .. } in recordings {
        let body = then.body.unwrap_or_default();
        let streamed = body.lines().any(|line| line.starts_with("data:"));
        let answer = if then.status == 200 && streamed {
            check(&name, &body, &parser)
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
    check_table("anthropic", &rows);
}

/// Real endpoints took these requests: every field that we would send must be among theirs, or
/// among those that the vendor documents and no recording has.
#[test]
fn recorded_requests_know_our_fields() {
    let Some(recordings) = exchanges() else {
        return;
    };
    let mut known: BTreeSet<String> = DOCUMENTED.map(str::to_owned).into();
    for exchange in recordings {
        let body = exchange.when.body.unwrap_or_default();
        if let Ok(body) = serde_json::from_str::<Value>(&body) {
            fields("", &body, &mut known);
        }
    }
    let mut ours = BTreeSet::new();
    for model in ["claude-haiku-4-5", "claude-opus-5-5"] {
        fields(
            "",
            &body(&settings(model), &request(model), Replay::Thinking),
            &mut ours,
        );
    }
    let unknown: Vec<&String> = ours.difference(&known).collect();
    assert!(unknown.is_empty(), "no recorded request has {unknown:?}");
}

const DOCUMENTED: [&str; 11] = [
    "/messages/content/cache_control/ttl",
    "/messages/content/source/data",
    "/messages/content/source/media_type",
    "/messages/content/content",
    "/messages/content/is_error",
    "/output_config/effort",
    "/system/cache_control/ttl",
    "/thinking/block_binding/prefix_mismatch_behavior",
    "/thinking/display",
    "/tools/cache_control/ttl",
    "/tools/cache_control/type",
];

/// Everything that we ever send.
fn request(model: &str) -> ModelRequest {
    let vendor = |block| {
        ContentPart::Vendor(VendorBlock {
            vendor: "anthropic".into(),
            model: model.into(),
            block,
        })
    };
    let image = Attachment {
        name: "a.png".into(),
        media: MediaType::Png,
        bytes: 3,
        digest: FileDigest("a".into()),
        path: "a.png".into(),
        pixels: None,
        pages: None,
        text: None,
    };
    let seen = vec![ContentPart::text("see"), ContentPart::Attachment(image)];
    let thought = json!({ "type": "thinking", "thinking": "hm", "signature": "c2ln" });
    let call = ToolCall {
        id: "a".into(),
        name: "shell".into(),
        arguments: "{}".into(),
    };
    let answer = Message::Assistant {
        content: vec![vendor(thought), ContentPart::text("yes")],
        tool_calls: vec![call],
    };
    let result = Message::Tool(ToolResult {
        call_id: "a".into(),
        content: "broken".into(),
        status: ToolStatus::Error,
        files: Vec::new(),
    });
    ModelRequest {
        model: None,
        images: BTreeMap::from([(FileDigest("a".into()), Arc::from(*b"\x89PN"))]),
        thinking: Some(Thinking::Low),
        system: "be brief".into(),
        messages: vec![Message::User { content: seen }, answer, result].into(),
        tools: [ToolSpec {
            name: "shell".into(),
            description: "Runs.".into(),
            parameters: json!({ "type": "object" }),
        }]
        .into(),
    }
}

fn settings(model: &str) -> Anthropic {
    Anthropic {
        name: "test".into(),
        base_url: "http://127.0.0.1:1".into(),
        model: model.into(),
        access: AnthropicAccess::Key(SecretRef::Env("KEY".into())),
        max_tokens: Some(7),
        temperature: Some(0.1),
        top_p: None,
        prompt_cache: PromptCache::Hour,
        server_tools: Vec::new(),
        betas: Vec::new(),
        extra_body: Map::new(),
        first_byte_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
    }
}
