use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rivetos_types::media::{Attachment, FileDigest, MediaType};
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus, VendorBlock};
use rivetos_types::secret::SecretRef;
use rivetos_types::settings::AnthropicAccess;
use rivetos_types::store::Thinking;
use rivetos_types::tool::ToolSpec;

use super::*;

const BUDGET: &str = "claude-haiku-4-5";
const ADAPTIVE: &str = "claude-opus-4-8";

fn settings(model: &str) -> Anthropic {
    Anthropic {
        name: "test".into(),
        base_url: "http://127.0.0.1:1".into(),
        model: model.into(),
        access: AnthropicAccess::Key(SecretRef::Env("KEY".into())),
        max_tokens: Some(4000),
        temperature: Some(0.5),
        top_p: Some(0.9),
        prompt_cache: PromptCache::Minutes,
        server_tools: Vec::new(),
        betas: Vec::new(),
        extra_body: Map::new(),
        first_byte_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
    }
}

fn request(messages: Vec<Message>) -> ModelRequest {
    ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: "be brief".into(),
        messages: messages.into(),
        tools: [ToolSpec {
            name: "shell".into(),
            description: "Runs a command.".into(),
            parameters: json!({ "type": "object" }),
        }]
        .into(),
    }
}

fn call(id: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.into(),
        name: "shell".into(),
        arguments: arguments.into(),
    }
}

fn result(id: &str, status: ToolStatus) -> Message {
    Message::Tool(ToolResult {
        files: Vec::new(),
        call_id: id.into(),
        content: format!("result of {id}"),
        status,
    })
}

fn vendor(model: &str, block: Value) -> ContentPart {
    ContentPart::Vendor(VendorBlock {
        vendor: VENDOR.into(),
        model: model.into(),
        block,
    })
}

fn thought() -> Value {
    json!({ "type": "thinking", "thinking": "hm", "signature": "c2ln" })
}

fn answer(content: Vec<ContentPart>, tool_calls: Vec<ToolCall>) -> Message {
    Message::Assistant {
        content,
        tool_calls,
    }
}

/// The messages without the mark of the cache.
fn sent(model: &str, messages: Vec<Message>) -> Value {
    let mut settings = settings(model);
    settings.prompt_cache = PromptCache::Off;
    let mut request = request(messages);
    request.thinking = Some(Thinking::Low);
    body(&settings, &request, Replay::Thinking)["messages"].take()
}

#[test]
fn a_conversation_with_tools() {
    let messages = vec![
        Message::user("list the files"),
        answer(
            vec![vendor(BUDGET, thought()), ContentPart::text("Both:")],
            vec![call("a", "{\"command\":\"ls\"}"), call("b", "{\"comm")],
        ),
        result("a", ToolStatus::Ok),
        result("b", ToolStatus::Error),
        Message::user("thanks"),
    ];
    let mut request = request(messages);
    request.thinking = Some(Thinking::Medium);
    let body = body(&settings(BUDGET), &request, Replay::Thinking);
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap());
}

#[test]
fn what_is_said_without_wishes() {
    let mut settings = settings("claude-sonnet-4-6");
    settings.max_tokens = None;
    settings.prompt_cache = PromptCache::Off;
    let mut request = request(vec![Message::user("hi")]);
    request.system = Arc::default();
    request.tools = Arc::default();
    assert_eq!(
        body(&settings, &request, Replay::Thinking),
        json!({
            "model": "claude-sonnet-4-6",
            "max_tokens": 32000,
            "messages": [{ "role": "user", "content": [{ "type": "text", "text": "hi" }] }],
            "stream": true,
            "temperature": 0.5,
        })
    );
}

#[test]
fn each_model_is_told_to_think_in_its_own_way() {
    let told = |model: &str, thinking| {
        let mut request = request(vec![Message::user("hi")]);
        request.thinking = thinking;
        let body = body(&settings(model), &request, Replay::Thinking);
        let effort = body["output_config"]["effort"].as_str();
        let effort = effort.map(str::to_owned);
        let thinking = &body["thinking"];
        let kind = thinking["type"].as_str().unwrap_or("-").to_owned();
        let budget = thinking["budget_tokens"].as_u64().unwrap_or(0);
        (
            kind,
            budget,
            effort.unwrap_or_default(),
            body["max_tokens"].as_u64().unwrap(),
        )
    };
    let (off, high) = (Some(Thinking::Off), Some(Thinking::High));
    let said = |kind: &str, budget, effort: &str, tokens| {
        (kind.to_owned(), budget, effort.to_owned(), tokens)
    };
    for (model, thinking, expected) in [
        ("claude-3-haiku-20240307", high, said("-", 0, "", 4000)),
        (BUDGET, None, said("-", 0, "", 4000)),
        (BUDGET, off, said("-", 0, "", 4000)),
        (BUDGET, high, said("enabled", 50_000, "", 54_000)),
        ("claude-opus-4-1", high, said("enabled", 28_000, "", 32_000)),
        ("kimi-k2", high, said("enabled", 50_000, "", 54_000)),
        (ADAPTIVE, None, said("-", 0, "", 4000)),
        (ADAPTIVE, off, said("-", 0, "", 4000)),
        (ADAPTIVE, high, said("adaptive", 0, "high", 4000)),
        ("claude-opus-9", high, said("adaptive", 0, "high", 4000)),
        ("claude-opus-5", None, said("adaptive", 0, "", 4000)),
        ("claude-opus-5", off, said("disabled", 0, "", 4000)),
        ("claude-sonnet-5-5", off, said("between_tools", 0, "", 4000)),
        ("claude-fable-5", None, said("adaptive", 0, "", 4000)),
        ("claude-fable-5", off, said("adaptive", 0, "low", 4000)),
    ] {
        assert_eq!(told(model, thinking), expected, "{model} {thinking:?}");
    }
}

#[test]
fn models_that_choose_their_words_themselves_get_no_temperature() {
    let said = |model: &str, thinking| {
        let mut request = request(vec![Message::user("hi")]);
        request.thinking = thinking;
        let body = body(&settings(model), &request, Replay::Thinking);
        (body.get("temperature").cloned(), body.get("top_p").cloned())
    };
    assert_eq!(said(BUDGET, None), (Some(json!(0.5)), None));
    assert_eq!(said(BUDGET, Some(Thinking::Low)), (None, None));
    assert_eq!(said(ADAPTIVE, None), (None, None));
    let mut settings = settings(BUDGET);
    settings.temperature = None;
    let body = body(
        &settings,
        &request(vec![Message::user("hi")]),
        Replay::Thinking,
    );
    assert_eq!(body["top_p"], json!(0.9));
}

#[test]
fn only_the_model_that_thought_so_is_shown_its_thinking() {
    let content = || vec![vendor(ADAPTIVE, thought()), ContentPart::text("yes")];
    let messages = || {
        vec![
            Message::user("hi"),
            answer(content(), Vec::new()),
            Message::user("so"),
        ]
    };
    let said = json!({ "type": "text", "text": "yes" });
    let whole = json!([thought(), said]);
    assert_eq!(sent(ADAPTIVE, messages())[1]["content"], whole);
    let text = json!([said]);
    assert_eq!(sent("claude-opus-4-7", messages())[1]["content"], text);
    let mut request = request(messages());
    for (thinking, replay) in [
        (None, Replay::Thinking),
        (Some(Thinking::Low), Replay::NoThinking),
    ] {
        request.thinking = thinking;
        let body = body(&settings(ADAPTIVE), &request, replay);
        assert_eq!(body["messages"][1]["content"], text);
    }
}

#[test]
fn a_budget_needs_the_thinking_before_open_calls() {
    let thinks = |content: Vec<ContentPart>, more: Option<Message>| {
        let mut messages = vec![
            Message::user("hi"),
            answer(content, vec![call("a", "{}")]),
            result("a", ToolStatus::Ok),
        ];
        messages.extend(more);
        let mut request = request(messages);
        request.thinking = Some(Thinking::Low);
        let body = body(&settings(BUDGET), &request, Replay::Thinking);
        body.get("thinking").is_some()
    };
    assert!(thinks(vec![vendor(BUDGET, thought())], None));
    assert!(!thinks(vec![ContentPart::text("hm")], None));
    assert!(!thinks(vec![vendor(ADAPTIVE, thought())], None));
    assert!(!thinks(Vec::new(), Some(Message::user("faster"))));
}

#[test]
fn signatures_that_hold_for_a_conversation_may_be_dropped_by_the_vendor() {
    let settings = settings("claude-opus-5-5");
    let body = body(
        &settings,
        &request(vec![Message::user("hi")]),
        Replay::Thinking,
    );
    let expected = json!({
        "type": "adaptive",
        "display": "summarized",
        "block_binding": { "prefix_mismatch_behavior": "drop_block" },
    });
    assert_eq!(body["thinking"], expected);
    assert_eq!(betas(&settings, "claude-opus-5-5"), [BINDING_BETA]);
    assert!(betas(&settings, ADAPTIVE).is_empty());
}

#[test]
fn neighbours_become_one_message() {
    let messages = vec![
        Message::user("one"),
        Message::user("two"),
        Message::assistant("  "),
        Message::assistant("so"),
        Message::assistant("far "),
    ];
    let text = |text: &str| json!({ "type": "text", "text": text });
    assert_eq!(
        sent(ADAPTIVE, messages),
        json!([
            { "role": "user", "content": [text("one"), text("two")] },
            { "role": "assistant", "content": [text("so"), text("far")] },
        ])
    );
}

#[test]
fn identifiers_of_other_vendors_are_made_ones_that_the_vendor_takes() {
    let messages = vec![
        Message::user("go"),
        answer(
            Vec::new(),
            vec![call("call_0", "{}"), call("shell:1", "{}")],
        ),
        result("shell:1", ToolStatus::Ok),
        result("call_0", ToolStatus::Ok),
        answer(
            Vec::new(),
            vec![call("call_0", "{}"), call("shell.1", "{}")],
        ),
        result("call_0", ToolStatus::Ok),
        result("shell.1", ToolStatus::Ok),
    ];
    let sent = sent(ADAPTIVE, messages);
    let ids = |at: usize, name: &str| -> Vec<String> {
        let blocks = sent[at]["content"].as_array().unwrap().iter();
        blocks
            .map(|block| block[name].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(1, "id"), ["call_0", "shell_1"]);
    assert_eq!(ids(2, "tool_use_id"), ["shell_1", "call_0"]);
    assert_eq!(ids(3, "id"), ["call_0_2", "shell_1_2"]);
    assert_eq!(ids(4, "tool_use_id"), ["call_0_2", "shell_1_2"]);
}

#[test]
fn blocks_stand_where_they_stood() {
    let search = json!({ "type": "server_tool_use", "id": "s", "name": "web_search", "input": {} });
    let found = json!({ "type": "web_search_tool_result", "tool_use_id": "s", "content": [] });
    let cited = json!({ "type": "text", "text": "blue", "citations": [{ "url": "u" }] });
    let caller = json!({ "type": "code_execution_20250825", "tool_id": "s" });
    let part = |block: &Value| vendor(ADAPTIVE, block.clone());
    let content = vec![
        part(&search),
        part(&found),
        ContentPart::text("It is blue"),
        part(&cited),
        ContentPart::text("."),
        part(&json!({ "type": "call", "index": 0 })),
        part(&thought()),
        part(&json!({ "type": "call", "index": 1, "caller": caller })),
    ];
    let calls = vec![call("a", "{}"), call("b", "{}"), call("c", "{}")];
    let messages = vec![
        Message::user("sky?"),
        answer(content, calls),
        result("a", ToolStatus::Ok),
        result("b", ToolStatus::Ok),
        result("c", ToolStatus::Ok),
    ];
    let text = |text: &str| json!({ "type": "text", "text": text });
    let call = |id: &str| json!({ "type": "tool_use", "id": id, "name": "shell", "input": {} });
    let mut by_code = call("b");
    by_code["caller"] = caller;
    assert_eq!(
        sent(ADAPTIVE, messages)[1]["content"],
        json!([
            search,
            found,
            text("It is "),
            cited,
            text("."),
            call("a"),
            thought(),
            by_code,
            call("c")
        ])
    );
}

#[test]
fn changed_words_have_no_citations() {
    let cited = json!({ "type": "text", "text": "key 123", "citations": [{ "url": "u" }] });
    let content = vec![ContentPart::text("key ***"), vendor(ADAPTIVE, cited)];
    let sent = sent(
        ADAPTIVE,
        vec![Message::user("hi"), answer(content, Vec::new())],
    );
    let text = json!([{ "type": "text", "text": "key ***" }]);
    assert_eq!(sent[1]["content"], text);
}

#[test]
fn a_search_stays_open_only_in_an_answer_that_goes_on() {
    let search = json!({ "type": "server_tool_use", "id": "s", "name": "web_search", "input": {} });
    let paused = || answer(vec![vendor(ADAPTIVE, search.clone())], Vec::new());
    let open = sent(ADAPTIVE, vec![Message::user("sky?"), paused()]);
    assert_eq!(open[1]["content"], json!([search]));
    let stopped = vec![Message::user("sky?"), paused(), Message::user("sea?")];
    let text = |text: &str| json!({ "type": "text", "text": text });
    let one = json!([{ "role": "user", "content": [text("sky?"), text("sea?")] }]);
    assert_eq!(sent(ADAPTIVE, stopped), one);
}

#[test]
fn files_are_seen_or_read_about() {
    let file = |name: &str, media| {
        ContentPart::Attachment(Attachment {
            name: name.into(),
            media,
            bytes: 3,
            digest: FileDigest(name.into()),
            path: name.into(),
            pixels: None,
            pages: None,
            text: None,
        })
    };
    let content = vec![
        ContentPart::text("see"),
        file("a.png", MediaType::Png),
        file("b.pdf", MediaType::Pdf),
        file("gone.png", MediaType::Png),
    ];
    let bytes = |name: &str| (FileDigest(name.into()), Arc::from(*b"\x89PN"));
    let mut request = request(vec![Message::User { content }]);
    request.images = BTreeMap::from([bytes("a.png"), bytes("b.pdf")]);
    let mut settings = settings(ADAPTIVE);
    settings.prompt_cache = PromptCache::Off;
    let body = body(&settings, &request, Replay::Thinking);
    let text = |text: &str| json!({ "type": "text", "text": text });
    let source = |media: &str| json!({ "type": "base64", "media_type": media, "data": "iVBO" });
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            text("see\n\n[attachment a.png: image/png, 3 bytes, kept at a.png]"),
            { "type": "image", "source": source("image/png") },
            text("\n\n[attachment b.pdf: application/pdf, 3 bytes, kept at b.pdf]"),
            { "type": "document", "source": source("application/pdf") },
            text("\n\n[attachment gone.png: image/png, 3 bytes, kept at gone.png]"),
        ])
    );
}

#[test]
fn the_cache_has_three_marks() {
    let mut settings = settings(ADAPTIVE);
    settings.prompt_cache = PromptCache::Hour;
    let search = json!({ "type": "web_search_20250305", "name": "web_search" });
    settings.server_tools = vec![search.as_object().unwrap().clone()];
    let messages = vec![
        Message::user("one"),
        Message::assistant("two"),
        Message::user("three"),
        Message::assistant("four"),
    ];
    let body = body(&settings, &request(messages), Replay::Thinking);
    let mark = json!({ "type": "ephemeral", "ttl": "1h" });
    assert_eq!(body["tools"][0], search);
    for marked in [
        &body["tools"][1],
        &body["system"][0],
        &body["messages"][2]["content"][0],
    ] {
        assert_eq!(marked["cache_control"], mark, "{marked}");
    }
    assert_eq!(body.to_string().matches("cache_control").count(), 3);
}

#[test]
fn what_the_operator_adds_is_not_over_the_conversation() {
    let mut settings = settings(ADAPTIVE);
    let extra = json!({ "model": "x", "stream": false, "service_tier": "auto", "max_tokens": 7 });
    settings.extra_body = extra.as_object().unwrap().clone();
    let body = body(
        &settings,
        &request(vec![Message::user("hi")]),
        Replay::Thinking,
    );
    assert_eq!(body["model"], json!(ADAPTIVE));
    assert_eq!(body["stream"], json!(true));
    assert_eq!(body["service_tier"], json!("auto"));
    assert_eq!(body["max_tokens"], json!(7));
}
