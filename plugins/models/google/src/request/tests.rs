use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rivetos_types::media::{Attachment, FileDigest, MediaType};
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus, VendorBlock};
use rivetos_types::secret::SecretRef;
use rivetos_types::store::Thinking;
use rivetos_types::tool::ToolSpec;

use super::*;

fn settings() -> Google {
    Google {
        name: "google".into(),
        base_url: "http://127.0.0.1:1/v1beta".into(),
        model: "gemini-2.5-flash".into(),
        api_key: SecretRef::Env("KEY".into()),
        max_tokens: Some(64),
        temperature: Some(0.5),
        top_p: None,
        server_tools: Vec::new(),
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
        system: Arc::default(),
        messages: messages.into(),
        tools: Arc::default(),
    }
}

fn call(id: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.into(),
        name: format!("tool_{id}"),
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

fn block(model: &str, block: Value) -> ContentPart {
    ContentPart::Vendor(VendorBlock {
        vendor: "google".into(),
        model: model.into(),
        block,
    })
}

fn asked(model: &str, content: Vec<ContentPart>, tool_calls: Vec<ToolCall>) -> Value {
    let answers = tool_calls
        .iter()
        .map(|call| result(&call.id, ToolStatus::Ok));
    let answers: Vec<Message> = answers.collect();
    let answer = Message::Assistant {
        content,
        tool_calls,
    };
    let messages = [vec![Message::user("hi"), answer], answers].concat();
    let mut request = request(messages);
    request.model = Some(model.into());
    body(&settings(), &request)["contents"].clone()
}

#[test]
fn a_conversation_with_tools() {
    let mut request = request(vec![
        Message::user("list the files"),
        Message::Assistant {
            content: Vec::new(),
            tool_calls: vec![call("a", "{\"command\":\"ls\"}"), call("b", "{\"comm")],
        },
        result("b", ToolStatus::Error),
        result("a", ToolStatus::Ok),
        Message::assistant("one file"),
        Message::user("thanks"),
    ]);
    request.system = "be brief".into();
    request.thinking = Some(Thinking::Low);
    request.tools = [ToolSpec {
        name: "shell".into(),
        description: "Runs a command.".into(),
        parameters: json!({
            "type": "object",
            "properties": { "command": { "type": "string" } },
            "required": ["command"],
            "additionalProperties": false,
        }),
    }]
    .into();
    let mut settings = settings();
    settings.server_tools = vec![Map::from_iter([("codeExecution".into(), json!({}))])];
    let body = body(&settings, &request);
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap());
}

#[test]
fn tools_of_both_sides_go_together_where_the_model_takes_them() {
    let mut settings = settings();
    settings.server_tools = vec![Map::from_iter([("codeExecution".into(), json!({}))])];
    let look = ToolSpec {
        name: "look".into(),
        description: "Looks.".into(),
        parameters: json!({ "type": "object" }),
    };
    let ours = json!({ "functionDeclarations": [{ "name": "look", "description": "Looks." }] });
    let theirs = json!({ "codeExecution": {} });
    let flag = json!({ "includeServerSideToolInvocations": true });
    for (model, specs, tools, config) in [
        ("gemini-2.5-flash", vec![], json!([theirs]), None),
        ("gemini-2.5-flash", vec![look.clone()], json!([ours]), None),
        ("gemini-3-flash-preview", vec![], json!([theirs]), None),
        (
            "gemini-3-flash-preview",
            vec![look],
            json!([ours, theirs]),
            Some(&flag),
        ),
    ] {
        let mut request = request(vec![Message::user("hi")]);
        request.model = Some(model.into());
        request.tools = specs.into();
        let body = body(&settings, &request);
        assert_eq!(body["tools"], tools, "{model}");
        assert_eq!(body.get("toolConfig"), config, "{model}");
    }
}

#[test]
fn what_is_not_set_is_not_sent() {
    let mut settings = settings();
    settings.max_tokens = None;
    settings.temperature = None;
    settings.model = "models/gemma-4".into();
    let body = body(&settings, &request(vec![Message::user("hi")]));
    let expected = json!({ "contents": [{ "role": "user", "parts": [{ "text": "hi" }] }] });
    assert_eq!(body, expected);
}

#[test]
fn extra_keys_go_over_ours_but_not_over_the_conversation() {
    let mut settings = settings();
    let extra = json!({
        "contents": [],
        "generationConfig": { "temperature": 1, "seed": 7 },
        "safetySettings": [],
    });
    settings.extra_body = extra.as_object().unwrap().clone();
    let body = body(&settings, &request(vec![Message::user("hi")]));
    assert_eq!(body["contents"][0]["role"], json!("user"));
    assert_eq!(body["safetySettings"], json!([]));
    let config = &body["generationConfig"];
    assert_eq!(config["temperature"], json!(1));
    assert_eq!(config["seed"], json!(7));
    assert_eq!(config["maxOutputTokens"], json!(64));
}

#[test]
fn roles_alternate_and_a_person_speaks_last() {
    let messages = vec![
        Message::user("a"),
        Message::user("b"),
        Message::assistant("c"),
        Message::assistant("d"),
    ];
    let body = body(&settings(), &request(messages));
    let expected = json!([
        { "role": "user", "parts": [{ "text": "a" }, { "text": "b" }] },
        { "role": "model", "parts": [{ "text": "c" }, { "text": "d" }] },
        { "role": "user", "parts": [{ "text": "Go on." }] },
    ]);
    assert_eq!(body["contents"], expected);
}

#[test]
fn a_signature_returns_to_its_own_part() {
    const MODEL: &str = "gemini-2.5-flash";
    let content = vec![
        ContentPart::text("Hello"),
        block(MODEL, json!({ "text": { "bytes": 2, "signature": "s1" } })),
        ContentPart::text(" you"),
        block(MODEL, json!({ "text": { "bytes": 0, "signature": "s2" } })),
        block(
            MODEL,
            json!({ "part": { "executableCode": { "code": "1" } } }),
        ),
        block(
            MODEL,
            json!({ "call": { "index": 1, "id": "f7", "signature": "s3" } }),
        ),
        ContentPart::text("!"),
    ];
    let calls = vec![call("a", "{}"), call("b", "{}"), call("c", "{}")];
    let found = asked(MODEL, content, calls);
    let function = |name: &str| json!({ "functionCall": { "name": name, "args": {} } });
    let expected = json!([
        { "text": "Hel" },
        { "text": "lo", "thoughtSignature": "s1" },
        { "text": " you" },
        { "text": "", "thoughtSignature": "s2" },
        { "executableCode": { "code": "1" } },
        function("tool_a"),
        {
            "functionCall": { "name": "tool_b", "args": {}, "id": "f7" },
            "thoughtSignature": "s3",
        },
        { "text": "!" },
        function("tool_c"),
    ]);
    assert_eq!(found[1]["parts"], expected);
    let ids: Vec<&Value> = found[2]["parts"].as_array().unwrap().iter().collect();
    assert_eq!(ids[0]["functionResponse"].get("id"), None);
    assert_eq!(ids[1]["functionResponse"]["id"], json!("f7"));
}

#[test]
fn signed_text_that_has_changed_stays_text() {
    const MODEL: &str = "gemini-2.5-flash";
    for (said, bytes, parts) in [
        ("ä", 1, json!([{ "text": "ä", "thoughtSignature": "s" }])),
        ("ab", 9, json!([{ "text": "ab", "thoughtSignature": "s" }])),
        ("ab", 2, json!([{ "text": "ab", "thoughtSignature": "s" }])),
        ("", 2, json!([{ "text": "", "thoughtSignature": "s" }])),
    ] {
        let block = block(
            MODEL,
            json!({ "text": { "bytes": bytes, "signature": "s" } }),
        );
        let found = asked(MODEL, vec![ContentPart::text(said), block], Vec::new());
        assert_eq!(found[1]["parts"], parts, "{said}");
    }
}

#[test]
fn another_models_blocks_stay_behind() {
    let content = vec![
        ContentPart::text("Hello"),
        block(
            "gemini-2.5-pro",
            json!({ "text": { "bytes": 2, "signature": "s1" } }),
        ),
        block(
            "gemini-2.5-pro",
            json!({ "call": { "index": 0, "id": "f", "signature": "s" } }),
        ),
    ];
    let found = asked("gemini-2.5-flash", content.clone(), vec![call("a", "{}")]);
    let function = json!({ "functionCall": { "name": "tool_a", "args": {} } });
    assert_eq!(found[1]["parts"], json!([{ "text": "Hello" }, function]));
    // These refuse a call without a signature, whoever made it.
    let calls = vec![call("a", "{}"), call("b", "{}")];
    let found = asked("gemini-3-flash-preview", content, calls);
    let parts = &found[1]["parts"];
    assert_eq!(
        parts[1]["thoughtSignature"],
        json!("skip_thought_signature_validator")
    );
    assert_eq!(parts[2].get("thoughtSignature"), None);
}

#[test]
fn what_can_be_seen_stands_behind_its_description() {
    let file = |name: &str, media: MediaType| {
        ContentPart::Attachment(Attachment {
            name: name.into(),
            media,
            bytes: 3,
            digest: FileDigest(name.into()),
            path: format!(".media/{name}"),
            pixels: None,
            pages: None,
            text: None,
        })
    };
    let content = vec![
        file("a.png", MediaType::Png),
        file("b.pdf", MediaType::Pdf),
        file("c.gif", MediaType::Gif),
        file("gone.png", MediaType::Png),
    ];
    let mut request = request(vec![Message::User { content }]);
    let bytes: Arc<[u8]> = Arc::from(*b"\x89PN");
    let seen = ["a.png", "b.pdf", "c.gif"].map(|name| (FileDigest(name.into()), bytes.clone()));
    request.images = BTreeMap::from(seen);
    let body = body(&settings(), &request);
    let parts = body["contents"][0]["parts"].as_array().unwrap();
    let kinds: Vec<&str> = parts
        .iter()
        .map(|part| part["inlineData"]["mimeType"].as_str().unwrap_or("text"))
        .collect();
    assert_eq!(
        kinds,
        [
            "text",
            "image/png",
            "text",
            "application/pdf",
            "text",
            "text"
        ]
    );
    assert_eq!(parts[1]["inlineData"]["data"], json!("iVBO"));
}
