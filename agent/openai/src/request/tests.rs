use std::sync::LazyLock;

use rivetos_types::media::MediaType;
use rivetos_types::message::{ToolStatus, VendorBlock};
use rivetos_types::tool::ToolSpec;

use super::*;
use crate::kept::digest;

static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

fn endpoint(history: History) -> Endpoint<'static> {
    Endpoint {
        vendor: "test",
        model: "m-1",
        history,
        effort: None,
        include: &[],
        tool_calls: ToolCalls::Parallel,
        documents: Documents::Taken,
        server_tools: Vec::new(),
        max_tokens: None,
        temperature: None,
        top_p: None,
        extra_body: &NOTHING,
    }
}

fn asked(messages: Vec<Message>) -> ModelRequest {
    ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: "be brief".into(),
        messages: messages.into(),
        tools: Arc::default(),
    }
}

fn tool_call(id: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.into(),
        name: "shell".into(),
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

fn block(block: &Block) -> ContentPart {
    ContentPart::Vendor(VendorBlock {
        vendor: "test".into(),
        model: "m-1".into(),
        block: serde_json::to_value(block).unwrap(),
    })
}

fn reasoning(id: &str, after_calls: usize) -> ContentPart {
    let item = json!({ "type": "reasoning", "id": id, "encrypted_content": "x", "summary": [] });
    block(&Block::Reasoning { after_calls, item })
}

/// An answer with one call, which the vendor keeps under the name `resp_1`.
fn kept(asked: &ModelRequest) -> Message {
    let response = Block::Response {
        id: "resp_1".into(),
        asked: digest(&asked.system, &asked.messages),
        calls: vec!["call_of_vendor".into()],
    };
    Message::Assistant {
        content: vec![ContentPart::text("Let me see."), block(&response)],
        tool_calls: vec![tool_call("ours", "{}")],
    }
}

#[test]
fn a_conversation_with_tools() {
    let mut request = asked(vec![
        Message::user("list the files"),
        Message::Assistant {
            content: vec![reasoning("rs_1", 0), reasoning("rs_2", 1)],
            tool_calls: vec![
                tool_call("a", "{\"command\":\"ls\"}"),
                tool_call("b", "{\"comm"),
            ],
        },
        result("a"),
        result("b"),
        Message::Assistant {
            content: vec![ContentPart::text("one "), ContentPart::text("file")],
            tool_calls: Vec::new(),
        },
        Message::user("thanks"),
    ]);
    request.tools = [ToolSpec {
        name: "shell".into(),
        description: "Runs a command.".into(),
        parameters: json!({ "type": "object" }),
    }]
    .into();
    let endpoint = Endpoint {
        effort: Some("low"),
        include: &["reasoning.encrypted_content"],
        tool_calls: ToolCalls::OneByOne,
        server_tools: vec![json!({ "type": "web_search" })],
        max_tokens: Some(64),
        temperature: Some(0.5),
        ..endpoint(History::Stateless)
    };
    let body = body(&endpoint, &request, Scope::Continued);
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap());
}

#[test]
fn reasoning_that_nothing_came_of_stays_here() {
    let request = asked(vec![
        Message::user("hi"),
        Message::Assistant {
            content: vec![ContentPart::text("a"), reasoning("rs_1", 0)],
            tool_calls: Vec::new(),
        },
        Message::user("go on"),
    ]);
    let body = body(&endpoint(History::Stateless), &request, Scope::Full);
    let items = body["input"].as_array().unwrap();
    let kinds: Vec<_> = items.iter().map(|item| &item["type"]).collect();
    assert_eq!(kinds, ["message"; 4]);
}

#[test]
fn what_the_vendor_keeps_is_not_sent_again() {
    let mut request = asked(vec![Message::user("list the files")]);
    let answer = kept(&request);
    Arc::make_mut(&mut request.messages).extend([answer, result("ours")]);
    let sent = body(&endpoint(History::Stored), &request, Scope::Continued);
    assert_eq!(sent["previous_response_id"], json!("resp_1"));
    assert_eq!(sent["store"], json!(true));
    let output = json!([{
        "type": "function_call_output",
        "call_id": "call_of_vendor",
        "output": "result of ours",
    }]);
    assert_eq!(sent["input"], output);

    let full = body(&endpoint(History::Stored), &request, Scope::Full);
    assert_eq!(full.get("previous_response_id"), None);
    assert_eq!(full["input"].as_array().unwrap().len(), 5);
    assert_eq!(full["input"][4]["call_id"], json!("ours"));
}

#[test]
fn another_conversation_is_never_gone_on_from() {
    let mut request = asked(vec![Message::user("a"), Message::user("b")]);
    let answer = kept(&request);
    Arc::make_mut(&mut request.messages).extend([answer, result("ours")]);
    let continues = |endpoint: &Endpoint<'_>, request: &ModelRequest| {
        let body = body(endpoint, request, Scope::Continued);
        body.get("previous_response_id").is_some()
    };
    let stored = endpoint(History::Stored);
    assert!(continues(&stored, &request));
    assert!(!continues(&endpoint(History::Stateless), &request));
    let model = Endpoint {
        model: "m-2",
        ..stored.clone()
    };
    assert!(!continues(&model, &request), "another model");
    let vendor = Endpoint {
        vendor: "other",
        ..stored.clone()
    };
    assert!(!continues(&vendor, &request), "another vendor");

    let mut prompt = request.clone();
    prompt.system = "be long".into();
    assert!(!continues(&stored, &prompt), "another prompt");
    let mut summed_up = request.clone();
    Arc::make_mut(&mut summed_up.messages)[0] = Message::user("summary of a");
    assert!(!continues(&stored, &summed_up), "another beginning");
    let mut more = request.clone();
    Arc::make_mut(&mut more.messages).insert(2, Message::user("by the way"));
    assert!(!continues(&stored, &more), "a word in between");
    let mut nothing_new = request.clone();
    Arc::make_mut(&mut nothing_new.messages).pop();
    assert!(!continues(&stored, &nothing_new), "nothing to say");
    let mut fewer = request;
    let Message::Assistant { tool_calls, .. } = &mut Arc::make_mut(&mut fewer.messages)[2] else {
        unreachable!()
    };
    tool_calls.clear();
    Arc::make_mut(&mut fewer.messages)[3] = Message::user("hm");
    assert!(!continues(&stored, &fewer), "a call without a result");
}

#[test]
fn an_answer_of_somebody_else_is_told_to_the_vendor() {
    let mut request = asked(vec![Message::user("list the files")]);
    let answer = kept(&request);
    let other = Message::Assistant {
        content: vec![ContentPart::text("Done.")],
        tool_calls: Vec::new(),
    };
    let more = [answer, result("ours"), other, Message::user("thanks")];
    Arc::make_mut(&mut request.messages).extend(more);
    let sent = body(&endpoint(History::Stored), &request, Scope::Continued);
    assert_eq!(sent["previous_response_id"], json!("resp_1"));
    let items = sent["input"].as_array().unwrap();
    let roles: Vec<_> = items.iter().map(|item| item["role"].as_str()).collect();
    assert_eq!(roles, [None, Some("assistant"), Some("user")]);
}

#[test]
fn what_else_is_set_is_sent_but_never_for_the_conversation() {
    let extra = json!({ "seed": 7, "store": true, "input": [], "previous_response_id": "resp_9" });
    let extra = extra.as_object().unwrap().clone();
    let endpoint = Endpoint {
        extra_body: &extra,
        ..endpoint(History::Stateless)
    };
    let body = body(&endpoint, &asked(vec![Message::user("hi")]), Scope::Full);
    let expected = json!({
        "model": "m-1",
        "stream": true,
        "store": false,
        "seed": 7,
        "input": [
            { "type": "message", "role": "system", "content": "be brief" },
            { "type": "message", "role": "user", "content": "hi" },
        ],
    });
    assert_eq!(body, expected);
}

#[test]
fn files_are_seen_or_read_about() {
    let file = |name: &str, media| {
        ContentPart::Attachment(Attachment {
            name: name.into(),
            media,
            bytes: 3,
            digest: FileDigest(name.into()),
            path: format!(".media/s/{name}"),
            pixels: None,
            pages: None,
            text: None,
        })
    };
    let old = vec![ContentPart::text("first"), file("gone.png", MediaType::Png)];
    let new = vec![
        file("here.png", MediaType::Png),
        file("here.pdf", MediaType::Pdf),
    ];
    let mut request = asked(vec![
        Message::User { content: old },
        Message::User { content: new },
    ]);
    for name in ["here.png", "here.pdf"] {
        let bytes = Arc::from(*b"\x89PN");
        request.images.insert(FileDigest(name.into()), bytes);
    }
    let body = body(&endpoint(History::Stateless), &request, Scope::Full);
    let first = body["input"][1]["content"].as_str().unwrap();
    assert!(
        first.starts_with("first\n\n[attachment gone.png"),
        "{first}"
    );
    let second = &body["input"][2]["content"];
    let image = json!({ "type": "input_image", "image_url": "data:image/png;base64,iVBO" });
    assert_eq!(second[1], image);
    let document = json!({
        "type": "input_file",
        "filename": "here.pdf",
        "file_data": "data:application/pdf;base64,iVBO",
    });
    assert_eq!(second[3], document);
    let endpoint = Endpoint {
        documents: Documents::Described,
        ..endpoint(History::Stateless)
    };
    let body = super::body(&endpoint, &request, Scope::Full);
    let parts = body["input"][2]["content"].as_array().unwrap();
    let kinds: Vec<_> = parts.iter().map(|part| &part["type"]).collect();
    assert_eq!(kinds, ["input_text", "input_image", "input_text"]);
}
