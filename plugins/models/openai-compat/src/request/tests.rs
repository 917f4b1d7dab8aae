use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rivetos_types::media::{Attachment, FileDigest, MediaType};
use rivetos_types::message::{ContentPart, ToolResult, ToolStatus, VendorBlock};
use rivetos_types::settings::CompatApi;
use rivetos_types::tool::ToolSpec;

use super::*;

fn settings(base_url: &str) -> OpenAiCompat {
    OpenAiCompat {
        name: "test".into(),
        base_url: base_url.into(),
        api: CompatApi::Chat,
        model: "m-1".into(),
        api_key: None,
        max_tokens: Some(64),
        temperature: Some(0.5),
        top_p: None,
        repeat_penalty: None,
        extra_body: Map::new(),
        first_byte_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
    }
}

fn call(id: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.into(),
        name: "shell".into(),
        arguments: arguments.into(),
    }
}

fn result(id: &str) -> Message {
    let content = format!("result of {id}");
    Message::Tool(ToolResult {
        files: Vec::new(),
        call_id: id.into(),
        content,
        status: ToolStatus::Ok,
    })
}

#[test]
fn a_conversation_with_tools() {
    let request = ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: "be brief".into(),
        messages: vec![
            Message::user("list the files"),
            Message::Assistant {
                content: Vec::new(),
                tool_calls: vec![call("a", "{\"command\":\"ls\"}"), call("b", "{\"comm")],
            },
            result("a"),
            result("b"),
            Message::Assistant {
                content: vec![ContentPart::text("one "), ContentPart::text("file")],
                tool_calls: Vec::new(),
            },
            Message::user("thanks"),
        ]
        .into(),
        tools: [ToolSpec {
            name: "shell".into(),
            description: "Runs a command.".into(),
            parameters: json!({ "type": "object" }),
        }]
        .into(),
    };
    let body = body(&settings("http://127.0.0.1:1/v1"), &request);
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap());
}

#[test]
fn what_is_set_is_sent() {
    let mut settings = settings("http://127.0.0.1:1/v1");
    settings.top_p = Some(0.25);
    settings.repeat_penalty = Some(1.5);
    let request = ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: Arc::default(),
        messages: vec![Message::user("hi")].into(),
        tools: Arc::default(),
    };
    let body = body(&settings, &request);
    assert_eq!(body["temperature"], json!(0.5));
    assert_eq!(body["top_p"], json!(0.25));
    assert_eq!(body["repeat_penalty"], json!(1.5));
}

#[test]
fn what_else_is_set_is_sent_but_never_for_the_conversation() {
    let mut settings = settings("http://127.0.0.1:1/v1");
    let extra =
        json!({ "seed": 7, "max_tokens": 8, "model": "m-2", "messages": [], "stream": false });
    settings.extra_body = extra.as_object().unwrap().clone();
    let request = ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: Arc::default(),
        messages: vec![Message::user("hi")].into(),
        tools: Arc::default(),
    };
    let body = body(&settings, &request);
    assert_eq!(body["seed"], json!(7));
    assert_eq!(body["max_tokens"], json!(8));
    assert_eq!(body["model"], json!("m-1"));
    assert_eq!(body["messages"][0]["content"], json!("hi"));
    assert_eq!(body["stream"], json!(true));
}

#[test]
fn what_is_not_set_is_not_sent() {
    let mut settings = settings("https://api.openai.com/v1");
    settings.temperature = None;
    let request = ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: Arc::default(),
        messages: vec![Message::user("hi")].into(),
        tools: Arc::default(),
    };
    assert_eq!(
        body(&settings, &request),
        json!({
            "model": "m-1",
            "messages": [{ "role": "user", "content": "hi" }],
            "stream": true,
            "stream_options": { "include_usage": true },
            "max_completion_tokens": 64,
        })
    );
}

#[test]
fn an_image_is_seen_or_read_about() {
    let image = |digest: &str| {
        ContentPart::Attachment(Attachment {
            name: format!("{digest}.png"),
            media: MediaType::Png,
            bytes: 3,
            digest: FileDigest(digest.into()),
            path: format!(".media/s/{digest}.png"),
            pixels: None,
            pages: None,
            text: None,
        })
    };
    let old = vec![ContentPart::text("first"), image("gone")];
    let new = vec![ContentPart::text("second"), image("here")];
    let request = ModelRequest {
        model: None,
        images: BTreeMap::from([(FileDigest("here".into()), Arc::from(*b"\x89PN"))]),
        thinking: None,
        system: Arc::default(),
        messages: vec![
            Message::User { content: old },
            Message::assistant("yes"),
            Message::User { content: new },
        ]
        .into(),
        tools: Arc::default(),
    };
    let body = body(&settings("http://127.0.0.1:1/v1"), &request);
    let said = |name: &str| {
        format!("\n\n[attachment {name}.png: image/png, 3 bytes, kept at .media/s/{name}.png]")
    };
    assert_eq!(
        body["messages"][0]["content"],
        json!(format!("first{}", said("gone")))
    );
    assert_eq!(
        body["messages"][2]["content"],
        json!([
            { "type": "text", "text": "second" },
            { "type": "text", "text": said("here") },
            { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBO" } },
        ])
    );
}

#[test]
fn documents_are_for_endpoints_that_are_known_to_take_them() {
    let digest = FileDigest("d".into());
    let document = ContentPart::Attachment(Attachment {
        name: "a.pdf".into(),
        media: MediaType::Pdf,
        bytes: 3,
        digest: digest.clone(),
        path: ".media/s/d.pdf".into(),
        pixels: None,
        pages: Some(2),
        text: None,
    });
    let words = document.words().into_owned();
    let request = ModelRequest {
        model: None,
        images: BTreeMap::from([(digest, Arc::from(*b"\x89PN"))]),
        thinking: None,
        system: Arc::default(),
        messages: vec![Message::User {
            content: vec![document],
        }]
        .into(),
        tools: Arc::default(),
    };
    let said = |base_url: &str| {
        let body = body(&settings(base_url), &request);
        body["messages"][0]["content"].clone()
    };
    let file = json!({
        "type": "file",
        "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,iVBO" },
    });
    let shown = json!([{ "type": "text", "text": words }, file]);
    for host in ["https://api.openai.com/v1", "https://openrouter.ai/api/v1"] {
        assert_eq!(said(host), shown, "{host}");
    }
    for host in ["http://127.0.0.1:1/v1", "https://api.deepseek.com"] {
        assert_eq!(said(host), json!(words), "{host}");
    }
}

#[test]
fn reasoning_goes_back_to_the_model_that_wrote_it() {
    let block = |model: &str| {
        ContentPart::Vendor(VendorBlock {
            vendor: VENDOR.into(),
            model: model.into(),
            block: json!({ "reasoning_content": format!("of {model}") }),
        })
    };
    let answer = |model: &str| Message::Assistant {
        content: vec![block(model)],
        tool_calls: vec![call("a", "{}")],
    };
    let request = ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: Arc::default(),
        messages: vec![
            Message::user("hi"),
            answer("m-1"),
            result("a"),
            answer("m-2"),
            result("a"),
            Message::assistant("done"),
        ]
        .into(),
        tools: Arc::default(),
    };
    let sent = |base_url: &str| {
        let body = body(&settings(base_url), &request);
        [1, 3, 5].map(|at| body["messages"][at].get("reasoning_content").cloned())
    };
    let own = Some(json!("of m-1"));
    assert_eq!(sent("http://127.0.0.1:1/v1"), [own.clone(), None, None]);
    // Where every call needs its reasoning, nobody's is an empty one.
    let expected = [own, Some(json!("")), None];
    assert_eq!(sent("https://api.deepseek.com"), expected);
}
