use std::sync::Arc;
use std::time::Duration;

use rivetos_types::media::{Attachment, FileDigest, MediaType};
use rivetos_types::message::{ToolResult, ToolStatus, VendorBlock};
use rivetos_types::settings::KeepAlive;
use rivetos_types::tool::ToolSpec;

use super::*;

fn settings() -> Ollama {
    Ollama {
        name: "test".into(),
        base_url: "http://127.0.0.1:1".into(),
        model: "qwen3:4b".into(),
        api_key: None,
        max_tokens: Some(64),
        num_ctx: Some(8192),
        temperature: None,
        top_p: None,
        keep_alive: None,
        options: Map::new(),
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

fn result(id: &str) -> Message {
    Message::Tool(ToolResult {
        files: Vec::new(),
        call_id: id.into(),
        content: format!("result of {id}"),
        status: ToolStatus::Ok,
    })
}

fn thought(vendor: &str, model: &str) -> ContentPart {
    ContentPart::Vendor(VendorBlock {
        vendor: vendor.into(),
        model: model.into(),
        block: json!({ "thinking": "hm" }),
    })
}

#[test]
fn a_conversation_with_tools() {
    let mut request = request(vec![
        Message::user("list the files"),
        Message::Assistant {
            content: vec![thought("ollama", "qwen3:4b")],
            tool_calls: vec![call("a", "{\"command\":\"ls\"}"), call("b", "{\"comm")],
        },
        result("a"),
        result("b"),
        Message::assistant("one file"),
        Message::user("thanks"),
    ]);
    request.system = "be brief".into();
    request.tools = [ToolSpec {
        name: "shell".into(),
        description: "Runs a command.".into(),
        parameters: json!({ "type": "object" }),
    }]
    .into();
    let body = body(&settings(), &request, Some(json!("low")));
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap());
}

#[test]
fn what_the_operator_says_goes_over_ours_but_not_over_the_conversation() {
    let mut settings = settings();
    settings.temperature = Some(0.1);
    settings.keep_alive = Some(KeepAlive::Forever);
    settings.options = Map::from_iter([("num_ctx".into(), json!(4)), ("min_p".into(), json!(1))]);
    let extra = json!({ "format": "json", "stream": false, "model": "x", "messages": [] });
    settings.extra_body = extra.as_object().unwrap().clone();
    let mut request = request(vec![Message::user("hi")]);
    request.model = Some("other".into());
    let expected = json!({
        "model": "other",
        "messages": [{ "role": "user", "content": "hi" }],
        "stream": true,
        "format": "json",
        "keep_alive": -1,
        "options": { "temperature": 0.1, "top_p": 0.9, "num_ctx": 4, "num_predict": 64, "min_p": 1 },
    });
    assert_eq!(body(&settings, &request, None), expected);
    settings.keep_alive = Some(KeepAlive::For(Duration::ZERO));
    assert_eq!(body(&settings, &request, None)["keep_alive"], json!(0));
}

#[test]
fn blocks_of_others_stay_behind() {
    let answer = |part: ContentPart| Message::Assistant {
        content: vec![part, ContentPart::text("a")],
        tool_calls: Vec::new(),
    };
    let messages = vec![
        Message::user("hi"),
        answer(thought("ollama", "llama3")),
        answer(thought("anthropic", "qwen3:4b")),
        Message::Assistant {
            content: vec![thought("google", "g")],
            tool_calls: Vec::new(),
        },
    ];
    let body = body(&settings(), &request(messages), None);
    let said = json!({ "role": "assistant", "content": "a" });
    assert_eq!(
        body["messages"].as_array().unwrap()[1..],
        [said.clone(), said]
    );
}

#[test]
fn images_are_seen_and_everything_is_read_about() {
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
    let content = vec![file("a.png", MediaType::Png), file("b.pdf", MediaType::Pdf)];
    let mut request = request(vec![Message::User { content }]);
    let bytes: Arc<[u8]> = Arc::from(*b"\x89PN");
    let seen = ["a.png", "b.pdf"].map(|name| (FileDigest(name.into()), bytes.clone()));
    request.images = BTreeMap::from(seen);
    let body = body(&settings(), &request, None);
    let message = &body["messages"][0];
    assert_eq!(message["images"], json!(["iVBO"]));
    let words = message["content"].as_str().unwrap();
    assert!(
        words.contains("a.png") && words.contains("b.pdf"),
        "{words}"
    );
}
