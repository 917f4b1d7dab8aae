//! Whatever a conversation is like, the vendor takes it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "vendor/rules.rs"]
mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rivetos_model_anthropic::request::{Replay, body};
use rivetos_types::media::{Attachment, FileDigest, MediaType};
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus, VendorBlock};
use rivetos_types::model::ModelRequest;
use rivetos_types::secret::SecretRef;
use rivetos_types::settings::{Anthropic, AnthropicAccess, PromptCache};
use rivetos_types::store::Thinking;
use rivetos_types::tool::ToolSpec;
use rules::{check, signature};
use serde_json::{Map, Value, json};

const MODELS: [&str; 5] = [
    "claude-haiku-4-5",
    "claude-opus-4-8",
    "claude-opus-5",
    "claude-sonnet-5-5",
    "claude-fable-5-1",
];

/// The digest of the file whose bytes are there.
const SHOWN: &str = "shown";

fn words() -> impl Strategy<Value = ContentPart> {
    select(vec!["", " \n", "so", "so far "]).prop_map(ContentPart::text)
}

/// What was sent, and can be shown or not.
fn file() -> impl Strategy<Value = ContentPart> {
    let kinds = vec![MediaType::Png, MediaType::Pdf, MediaType::Ogg];
    (select(kinds), select(vec![SHOWN, "gone"])).prop_map(|(media, digest)| {
        ContentPart::Attachment(Attachment {
            name: "a".into(),
            media,
            bytes: 3,
            digest: FileDigest(digest.into()),
            path: ".media/a".into(),
            pixels: None,
            pages: None,
            text: None,
        })
    })
}

/// What vendors leave behind, whole and half.
fn block() -> impl Strategy<Value = ContentPart> {
    let search = json!({ "type": "server_tool_use", "name": "web_search", "input": {} });
    let found = json!({ "type": "web_search_tool_result", "content": [] });
    let thought =
        |text: &str| json!({ "type": "thinking", "thinking": text, "signature": signature(text) });
    let blocks = vec![
        thought("hm"),
        thought(""),
        json!({ "type": "redacted_thinking", "data": "ZW5j" }),
        search,
        found,
        json!({ "type": "text", "text": "far ", "citations": [{ "url": "u" }] }),
        json!({ "type": "text", "text": "of nobody", "citations": [] }),
        json!({ "type": "call", "index": 0 }),
        json!({ "type": "call", "index": 1, "caller": { "type": "x" } }),
        json!({ "type": "call", "index": 9 }),
        json!({ "type": "call" }),
        Value::Null,
    ];
    let vendor = prop_oneof![9 => Just("anthropic"), 1 => Just("google")];
    // Mostly of the model that is asked, which `settle` puts in.
    let model = prop_oneof![3 => Just(""), 1 => select(MODELS.to_vec())];
    (vendor, model, select(blocks)).prop_map(|(vendor, model, block)| {
        ContentPart::Vendor(VendorBlock {
            vendor: vendor.to_owned(),
            model: model.to_owned(),
            block,
        })
    })
}

/// Gives each search an identifier of its own, and each result that of the search before it, which
/// may belong to another model, or to nobody.
fn settle(messages: &mut [Message], asked: &str) {
    let mut searches = 0;
    let mut open = None;
    for message in messages {
        let Message::Assistant { content, .. } = message else {
            continue;
        };
        for part in content {
            let ContentPart::Vendor(VendorBlock { model, block, .. }) = part else {
                continue;
            };
            if model.is_empty() {
                asked.clone_into(model);
            }
            if block["type"] == "server_tool_use" {
                searches += 1;
                open = Some(format!("s{searches}"));
                block["id"] = json!(open);
            } else if block["type"] == "web_search_tool_result" {
                block["tool_use_id"] = json!(open.take().unwrap_or_default());
            }
        }
    }
}

fn call() -> impl Strategy<Value = (String, String, ToolStatus)> {
    let id = select(vec![
        "a",
        "b",
        "functions.shell:0",
        "functions_shell_0",
        "ä",
        "toolu_1",
    ]);
    let arguments = select(vec!["{}", "{\"x\":1}", "{\"x", "[]", ""]);
    let status = select(vec![ToolStatus::Ok, ToolStatus::Error, ToolStatus::Unknown]);
    (id, arguments, status)
        .prop_map(|(id, arguments, status)| (id.into(), arguments.into(), status))
}

/// One message, or an answer and its results.
fn part() -> impl Strategy<Value = Vec<Message>> {
    let said = vec(prop_oneof![4 => words(), 1 => file()], 0..3);
    let said = said.prop_map(|content| vec![Message::User { content }]);
    let content = vec(prop_oneof![words(), block()], 0..5);
    let answered = (content, vec(call(), 0..4)).prop_map(|(content, mut calls)| {
        calls.sort_by(|one, other| one.0.cmp(&other.0));
        calls.dedup_by(|one, other| one.0 == other.0);
        let results = calls.iter().rev().map(|(id, _, status)| {
            Message::Tool(ToolResult {
                call_id: id.clone(),
                content: String::new(),
                status: *status,
                files: Vec::new(),
            })
        });
        let results: Vec<Message> = results.collect();
        let call = |(id, arguments, _)| ToolCall {
            id,
            name: "shell".into(),
            arguments,
        };
        let answer = Message::Assistant {
            content,
            tool_calls: calls.into_iter().map(call).collect(),
        };
        std::iter::once(answer).chain(results).collect()
    });
    prop_oneof![said, answered]
}

fn settings(model: &str, max_tokens: Option<u32>) -> Anthropic {
    let search = json!({ "type": "web_search_20250305", "name": "web_search" });
    Anthropic {
        name: "test".into(),
        base_url: "http://127.0.0.1:1".into(),
        model: model.into(),
        access: AnthropicAccess::Key(SecretRef::Env("KEY".into())),
        max_tokens,
        temperature: Some(0.5),
        top_p: Some(0.5),
        prompt_cache: PromptCache::Minutes,
        server_tools: vec![search.as_object().unwrap().clone()],
        betas: Vec::new(),
        extra_body: Map::new(),
        first_byte_timeout: std::time::Duration::from_secs(1),
        idle_timeout: std::time::Duration::from_secs(1),
    }
}

proptest! {
    #[test]
    fn every_conversation_keeps_the_vendors_rules(
        parts in vec(part(), 0..6),
        last in prop_oneof![Just(None), Just(Some("and now?"))],
        model in select(MODELS.to_vec()),
        thinking in select(vec![None, Some(Thinking::Off), Some(Thinking::Low), Some(Thinking::High)]),
        replay in select(vec![Replay::Thinking, Replay::NoThinking]),
        max_tokens in select(vec![None, Some(1), Some(200_000)]),
    ) {
        let mut messages = vec![Message::user("hi")];
        messages.extend(parts.into_iter().flatten());
        settle(&mut messages, model);
        messages.extend(last.map(Message::user));
        let request = ModelRequest {
            model: None,
            images: BTreeMap::from([(FileDigest(SHOWN.into()), Arc::from(*b"\x89PN"))]),
            thinking,
            system: "be brief".into(),
            messages: messages.into(),
            tools: [ToolSpec {
                name: "shell".into(),
                description: "Runs.".into(),
                parameters: json!({ "type": "object" }),
            }].into(),
        };
        let body = body(&settings(model, max_tokens), &request, replay);
        let kept = check(&body);
        prop_assert_eq!(kept, Ok(()), "{:#}", body);
    }
}
