//! The provider against a vendor that holds every request against the rules.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod vendor;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use rivetos_http::Http;
use rivetos_model_xai::Xai;
use rivetos_types::media::{Attachment, FileDigest, MediaType};
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus, VendorBlock};
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StopReason, StreamEvent};
use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};
use rivetos_types::settings::{self, History, ToolCalls, XaiTool};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use vendor::{KEY, Shared, serve};

struct Key(&'static str);

impl SecretResolver for Key {
    fn resolve(&self, _: &SecretRef) -> Result<Secret<String>, SecretError> {
        Ok(Secret::from(self.0))
    }
}

fn provider(address: SocketAddr, history: History, key: &'static str) -> Xai {
    let settings = settings::Xai {
        name: "xai".into(),
        base_url: format!("http://{address}/v1/"),
        model: "grok-4.3".into(),
        api_key: SecretRef::Env("XAI_API_KEY".into()),
        max_tokens: None,
        temperature: None,
        top_p: None,
        history,
        search: vec![XaiTool::WebSearch],
        tool_calls: ToolCalls::Parallel,
        extra_body: Map::new(),
        first_byte_timeout: Duration::from_secs(20),
        idle_timeout: Duration::from_secs(20),
    };
    Xai::new(settings, Arc::new(Key(key)), Http::new())
}

fn request(messages: Vec<Message>) -> ModelRequest {
    ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: "be brief".into(),
        messages: messages.into(),
        tools: Arc::default(),
    }
}

/// Asks, and appends the answer to the conversation as the turn machine would: its calls have
/// names of our own.
async fn step(provider: &Xai, request: &mut ModelRequest) -> Result<StopReason, ModelError> {
    let mut stream = provider.stream(request.clone());
    let (mut content, mut tool_calls) = (Vec::new(), Vec::new());
    let stop = loop {
        match stream.next().await.unwrap()? {
            StreamEvent::Text(text) => content.push(ContentPart::text(text)),
            StreamEvent::Vendor(block) => content.push(ContentPart::Vendor(block)),
            StreamEvent::ToolCall(call) => tool_calls.push(ToolCall {
                id: format!("t{}-{}", request.messages.len(), call.id),
                ..call
            }),
            StreamEvent::Reasoning(_) => {}
            StreamEvent::Done { stop, .. } => break stop,
        }
    };
    let results: Vec<_> = tool_calls.iter().map(|call| result(&call.id)).collect();
    Arc::make_mut(&mut request.messages).push(Message::Assistant {
        content,
        tool_calls,
    });
    Arc::make_mut(&mut request.messages).extend(results);
    Ok(stop)
}

fn result(id: &str) -> Message {
    Message::Tool(ToolResult {
        call_id: id.to_owned(),
        content: "a.txt".into(),
        status: ToolStatus::Ok,
        files: Vec::new(),
    })
}

/// A message of a person, the call that it leads to, and the answer.
async fn turn(provider: &Xai, request: &mut ModelRequest, said: &str) {
    Arc::make_mut(&mut request.messages).push(Message::user(said));
    assert_eq!(step(provider, request).await, Ok(StopReason::ToolUse));
    assert_eq!(step(provider, request).await, Ok(StopReason::End));
}

fn bodies(vendor: &Shared) -> Vec<Value> {
    vendor.lock().unwrap().asked.clone()
}

/// What each request went on from, and how many items it brought.
fn shape(vendor: &Shared) -> Vec<(Option<String>, usize)> {
    let body = |body: &Value| {
        let before = body.get("previous_response_id");
        let before = before.map(|id| id.as_str().unwrap().to_owned());
        (before, body["input"].as_array().unwrap().len())
    };
    bodies(vendor).iter().map(body).collect()
}

fn after(id: &str, items: usize) -> (Option<String>, usize) {
    (Some(id.to_owned()), items)
}

#[tokio::test]
async fn a_stored_conversation_brings_only_what_is_new() {
    let (address, vendor) = serve().await;
    let provider = provider(address, History::Stored, KEY);
    let mut request = request(Vec::new());
    turn(&provider, &mut request, "list the files").await;
    turn(&provider, &mut request, "again").await;
    assert_eq!(
        shape(&vendor),
        [
            (None, 2),
            after("resp_1", 1),
            after("resp_2", 1),
            after("resp_3", 1)
        ]
    );
    let tools = json!([{ "type": "web_search" }]);
    assert!(bodies(&vendor).iter().all(|body| body["tools"] == tools));
}

#[tokio::test]
async fn sessions_never_share_what_is_kept() {
    let (address, vendor) = serve().await;
    let provider = provider(address, History::Stored, KEY);
    let (mut one, mut other) = (request(Vec::new()), request(Vec::new()));
    turn(&provider, &mut one, "hi").await;
    turn(&provider, &mut other, "hi").await;
    turn(&provider, &mut one, "more").await;
    let expected = [
        (None, 2),
        after("resp_1", 1),
        (None, 2),
        after("resp_3", 1),
        after("resp_2", 1),
        after("resp_5", 1),
    ];
    assert_eq!(shape(&vendor), expected);
}

#[tokio::test]
async fn a_lost_answer_costs_one_request_more() {
    let (address, vendor) = serve().await;
    let provider = provider(address, History::Stored, KEY);
    let mut request = request(Vec::new());
    turn(&provider, &mut request, "list the files").await;
    vendor.lock().unwrap().forget();
    turn(&provider, &mut request, "again").await;
    // System prompt, message, call, result, answer, message.
    let expected = [
        (None, 2),
        after("resp_1", 1),
        after("resp_2", 1),
        (None, 6),
        after("resp_3", 1),
    ];
    assert_eq!(shape(&vendor), expected);
}

#[tokio::test]
async fn what_is_refused_in_full_too_is_refused() {
    let (address, vendor) = serve().await;
    let provider = provider(address, History::Stored, KEY);
    let mut request = request(Vec::new());
    turn(&provider, &mut request, "list the files").await;
    vendor.lock().unwrap().forget();
    // A result that belongs to no call.
    Arc::make_mut(&mut request.messages).push(result("nobody"));
    let asked = bodies(&vendor).len();
    let error = step(&provider, &mut request).await.unwrap_err();
    assert!(
        matches!(
            error,
            ModelError::Fatal {
                status: Some(422),
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(bodies(&vendor).len(), asked + 2);
}

#[tokio::test]
async fn a_stateless_conversation_brings_everything_and_its_reasoning() {
    let (address, vendor) = serve().await;
    let provider = provider(address, History::Stateless, KEY);
    let mut request = request(Vec::new());
    turn(&provider, &mut request, "list the files").await;
    turn(&provider, &mut request, "again").await;
    assert_eq!(
        shape(&vendor),
        [(None, 2), (None, 5), (None, 8), (None, 11)]
    );
    let last = bodies(&vendor).pop().unwrap();
    assert_eq!(last["store"], json!(false));
    let kinds: Vec<_> = last["input"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["type"].as_str().unwrap())
        .collect();
    let turn = [
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
    ];
    let answered = ["reasoning", "message"];
    assert_eq!(kinds, [&["message"][..], &turn, &answered, &turn].concat());
}

#[tokio::test]
async fn a_conversation_that_crossed_vendors_is_valid() {
    for history in [History::Stored, History::Stateless] {
        let (address, _vendor) = serve().await;
        let provider = provider(address, history, KEY);
        let mut request = request(Vec::new());
        turn(&provider, &mut request, "list the files").await;
        let foreign = ContentPart::Vendor(VendorBlock {
            vendor: "anthropic".into(),
            model: "claude".into(),
            block: json!({ "type": "thinking", "signature": "x" }),
        });
        let call = |id: &str| ToolCall {
            id: id.into(),
            name: "shell".into(),
            arguments: "{\"comm".into(),
        };
        Arc::make_mut(&mut request.messages).extend([
            Message::user("and now?"),
            Message::Assistant {
                content: vec![foreign, ContentPart::text("Let me see.")],
                tool_calls: vec![call("toolu_1"), call("toolu_2")],
            },
            result("toolu_2"),
            result("toolu_1"),
            Message::assistant("Three."),
            Message::user("a word"),
            Message::user("and another"),
        ]);
        assert_eq!(step(&provider, &mut request).await, Ok(StopReason::ToolUse));
        assert_eq!(step(&provider, &mut request).await, Ok(StopReason::End));
        // Another model of the same vendor reads none of the blocks.
        request.model = Some("grok-4.5".into());
        turn(&provider, &mut request, "and you?").await;
    }
}

#[tokio::test]
async fn files_are_not_left_with_the_vendor() {
    let (address, vendor) = serve().await;
    let provider = provider(address, History::Stored, KEY);
    let mut request = request(Vec::new());
    turn(&provider, &mut request, "hi").await;
    let digest = FileDigest("d".into());
    let file = |media| {
        ContentPart::Attachment(Attachment {
            name: "a".into(),
            media,
            bytes: 3,
            digest: digest.clone(),
            path: ".media/s/a".into(),
            pixels: None,
            pages: None,
            text: None,
        })
    };
    let content = [MediaType::Png, MediaType::Pdf].map(file).to_vec();
    request.images.insert(digest, Arc::from(*b"\x89PN"));
    Arc::make_mut(&mut request.messages).push(Message::User { content });
    assert_eq!(step(&provider, &mut request).await, Ok(StopReason::ToolUse));
    let body = bodies(&vendor).pop().unwrap();
    assert_eq!(
        (&body["store"], body.get("previous_response_id")),
        (&json!(false), None)
    );
    let said = body["input"].as_array().unwrap().last().unwrap();
    let kinds = said["content"].as_array().unwrap().iter();
    let kinds: Vec<_> = kinds.map(|part| &part["type"]).collect();
    assert_eq!(
        kinds,
        ["input_text", "input_image", "input_text", "input_file"]
    );
}

#[tokio::test]
async fn the_list_of_models_tells_whether_the_key_is_good() {
    let (address, _vendor) = serve().await;
    let models = provider(address, History::Stored, KEY)
        .list_models()
        .await
        .unwrap();
    let names: Vec<_> = models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["grok-4.3"]);
    let refused = provider(address, History::Stored, "canary-wrong")
        .check()
        .await;
    let error = refused.unwrap_err();
    assert!(
        matches!(
            error,
            ModelError::Fatal {
                status: Some(401),
                ..
            }
        ),
        "{error:?}"
    );
    assert!(!error.to_string().contains("canary"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let provider = provider(address, History::Stored, KEY);
    let mut hello = request(vec![Message::user("hi")]);
    let errors = [
        step(&provider, &mut hello).await.unwrap_err(),
        provider.list_models().await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, ModelError::Transient { .. }), "{error:?}");
    }
}
