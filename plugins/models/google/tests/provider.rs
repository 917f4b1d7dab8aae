//! The provider against endpoints on real sockets: one that enforces the vendor's rules on every
//! request, and rude ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use rivetos_http::Http;
use rivetos_model_google::Google;
use rivetos_types::media::{Attachment, FileDigest, MediaType};
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus, VendorBlock};
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StopReason, StreamEvent};
use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};
use rivetos_types::settings;
use rivetos_types::store::Thinking;
use rivetos_types::tool::ToolSpec;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

mod endpoint;

use endpoint::{Endpoint, KEY};

const LONG: Duration = Duration::from_secs(20);

/// The models of the two families that differ most.
const MODELS: [&str; 2] = ["gemini-2.5-flash", "gemini-3-flash-preview"];

/// Every variable is its own value.
struct Named;

impl SecretResolver for Named {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        match secret {
            SecretRef::Env(name) => Ok(Secret::new(name.clone())),
            SecretRef::File(_) | SecretRef::Written(_) => Err(SecretError::Empty(secret.clone())),
        }
    }
}

fn provider(address: SocketAddr, model: &str, idle_timeout: Duration) -> Google {
    let code = Map::from_iter([("codeExecution".to_owned(), json!({}))]);
    let settings = settings::Google {
        name: "test".into(),
        base_url: format!("http://{address}/v1beta"),
        model: model.into(),
        api_key: SecretRef::Env(KEY.into()),
        max_tokens: None,
        temperature: None,
        top_p: None,
        server_tools: vec![code],
        extra_body: Map::new(),
        first_byte_timeout: idle_timeout,
        idle_timeout,
    };
    Google::new(settings, Arc::new(Named), Http::new())
}

fn request(messages: Vec<Message>) -> ModelRequest {
    let look = ToolSpec {
        name: "look".into(),
        description: "Looks.".into(),
        parameters: json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "at": { "$ref": "#/$defs/Place" },
                "how": { "type": ["string", "null"], "default": null },
                "times": { "type": "array" },
            },
            "required": ["at"],
            "$defs": { "Place": { "oneOf": [{ "const": "sky" }, { "const": "sea" }] } },
        }),
    };
    let rest = ToolSpec {
        name: "rest".into(),
        description: "Does nothing.".into(),
        parameters: json!({ "type": "object", "properties": {} }),
    };
    ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: Some(Thinking::Medium),
        system: "be brief".into(),
        messages: messages.into(),
        tools: [look, rest].into(),
    }
}

async fn ask(provider: &Google, messages: &[Message]) -> Vec<Result<StreamEvent, ModelError>> {
    provider.stream(request(messages.to_vec())).collect().await
}

/// Asks and appends the answer as the agent keeps it: joined texts, and calls under other names.
async fn step(provider: &Google, messages: &mut Vec<Message>) -> StopReason {
    let (mut content, mut tool_calls) = (Vec::new(), Vec::new());
    let mut ended = None;
    for event in ask(provider, messages).await {
        match event.unwrap() {
            StreamEvent::Text(more) => {
                if let Some(ContentPart::Text { text }) = content.last_mut() {
                    text.push_str(&more);
                } else {
                    content.push(ContentPart::text(more));
                }
            }
            StreamEvent::Reasoning(_) => {}
            StreamEvent::ToolCall(mut call) => {
                call.id = format!("{}_{}", messages.len(), tool_calls.len());
                tool_calls.push(call);
            }
            StreamEvent::Vendor(block) => content.push(ContentPart::Vendor(block)),
            StreamEvent::Done { stop, .. } => ended = Some(stop),
        }
    }
    let results: Vec<Message> = tool_calls.iter().map(result).collect();
    messages.push(Message::Assistant {
        content,
        tool_calls,
    });
    messages.extend(results);
    ended.unwrap()
}

fn result(call: &ToolCall) -> Message {
    Message::Tool(ToolResult {
        call_id: call.id.clone(),
        content: "blue".into(),
        status: ToolStatus::Ok,
        files: Vec::new(),
    })
}

fn look(id: Option<&str>, signature: Option<&str>) -> Value {
    let mut part = json!({ "functionCall": { "name": "look", "args": { "at": "sky" } } });
    if let Some(id) = id {
        part["functionCall"]["id"] = json!(id);
    }
    if let Some(signature) = signature {
        part["thoughtSignature"] = json!(signature);
    }
    part
}

#[tokio::test]
async fn a_turn_with_thoughts_code_and_calls_keeps_to_the_rules() {
    for model in MODELS {
        let answers = vec![
            vec![
                json!({ "text": "hm", "thought": true }),
                json!({ "text": "I " }),
                json!({ "text": "look.", "thoughtSignature": "sig-1" }),
                look(Some("f1"), Some("sig-2")),
                look(Some("f2"), None),
            ],
            vec![
                json!({ "executableCode": { "language": "PYTHON", "code": "1" }, "thoughtSignature": "sig-3" }),
                json!({ "codeExecutionResult": { "outcome": "OUTCOME_OK", "output": "1" } }),
                look(None, Some("sig-4")),
            ],
            vec![
                json!({ "text": "Blue." }),
                json!({ "text": "", "thoughtSignature": "sig-5" }),
            ],
            vec![json!({ "text": "You are welcome." })],
        ];
        let (endpoint, address) = Endpoint::start(answers).await;
        let provider = provider(address, model, LONG);
        let mut messages = vec![Message::user("which colour is the sky?")];
        assert_eq!(step(&provider, &mut messages).await, StopReason::ToolUse);
        assert_eq!(step(&provider, &mut messages).await, StopReason::ToolUse);
        assert_eq!(step(&provider, &mut messages).await, StopReason::End);
        messages.push(Message::user("thanks"));
        assert_eq!(step(&provider, &mut messages).await, StopReason::End);
        // All signatures were there again.
        let last = endpoint.asked().pop().unwrap().to_string();
        for signature in 1..=5 {
            assert!(
                last.contains(&format!("\"sig-{signature}\"")),
                "{signature}"
            );
        }
    }
}

/// Blocks and calls of another vendor, of another model of this one, two people in a row, an
/// answer that was stopped after its tools, and one that is to go on.
fn strange_history() -> Vec<Message> {
    let call = |id: &str| ToolCall {
        id: id.into(),
        name: "look".into(),
        arguments: "{\"at\":\"sk".into(),
    };
    let block = |vendor: &str, block: Value| {
        ContentPart::Vendor(VendorBlock {
            vendor: vendor.into(),
            model: "another".into(),
            block,
        })
    };
    let file = |media| {
        ContentPart::Attachment(Attachment {
            name: "a".into(),
            media,
            bytes: 3,
            digest: FileDigest("a".into()),
            path: ".media/a".into(),
            pixels: None,
            pages: None,
            text: None,
        })
    };
    let files = [MediaType::Png, MediaType::Pdf, MediaType::Gif].map(file);
    let [picture, document, moving] = files;
    vec![
        Message::user("hi"),
        Message::User {
            content: vec![
                picture,
                document,
                moving,
                ContentPart::text("what is this?"),
            ],
        },
        Message::Assistant {
            content: vec![
                block("anthropic", json!({ "type": "thinking", "signature": "x" })),
                ContentPart::text("Let me look."),
                block(
                    "google",
                    json!({ "text": { "bytes": 3, "signature": "y" } }),
                ),
            ],
            tool_calls: vec![call("toolu_1"), call("toolu_2")],
        },
        result(&call("toolu_2")),
        result(&call("toolu_1")),
        Message::user("never mind"),
        Message::Assistant {
            content: Vec::new(),
            tool_calls: vec![call("toolu_3")],
        },
        result(&call("toolu_3")),
        Message::assistant("It is"),
        Message::assistant(" a sky"),
    ]
}

#[tokio::test]
async fn a_conversation_that_began_elsewhere_is_valid() {
    for model in MODELS {
        let history = strange_history();
        for end in 1..=history.len() {
            // In the middle of the answers to tools nobody asks.
            if matches!(history.get(end), Some(Message::Tool(_))) {
                continue;
            }
            let answer = vec![json!({ "text": "yes" })];
            let (_, address) = Endpoint::start(vec![answer]).await;
            let provider = provider(address, model, LONG);
            let mut request = request(history[..end].to_vec());
            request.images = BTreeMap::from([(FileDigest("a".into()), Arc::from(*b"\x89PN"))]);
            let answer: Vec<_> = provider.stream(request).collect().await;
            assert!(
                matches!(answer.last(), Some(Ok(StreamEvent::Done { .. }))),
                "{end}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_turn_that_changes_models_in_the_middle_is_valid() {
    let answers = vec![
        vec![look(None, None), look(None, None)],
        vec![look(Some("f1"), Some("sig-1"))],
        vec![json!({ "text": "Blue." })],
    ];
    let (_, address) = Endpoint::start(answers).await;
    let mut messages = vec![Message::user("which colour is the sky?")];
    for model in [MODELS[0], MODELS[1], MODELS[0]] {
        step(&provider(address, model, LONG), &mut messages).await;
    }
    assert_eq!(messages.last(), Some(&Message::assistant("Blue.")));
}

#[tokio::test]
async fn the_model_of_the_request_is_asked() {
    let (_, address) = Endpoint::start(vec![vec![json!({ "text": "hi" })]]).await;
    let provider = provider(address, "gemini-2.5-flash", LONG);
    let mut request = request(vec![Message::user("hi")]);
    request.model = Some("models/gemini-3-pro-preview".into());
    // A budget would be refused by this one.
    let answer: Vec<_> = provider.stream(request).collect().await;
    assert_eq!(answer[0], Ok(StreamEvent::Text("hi".into())));
}

#[tokio::test]
async fn models_are_listed_page_by_page() {
    let (endpoint, address) = Endpoint::start(Vec::new()).await;
    let provider = provider(address, MODELS[0], LONG);
    let models = provider.list_models().await.unwrap();
    let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["gemini-a", "gemini-b"]);
    let limits = models[0].limits.unwrap();
    assert_eq!((limits.context_tokens, limits.output_tokens), (1000, 100));
    assert_eq!(endpoint.pages(), 2);
    assert_eq!(provider.check().await, Ok(()));
    assert_eq!(endpoint.asked(), Vec::<Value>::new());
}

#[tokio::test]
async fn refusals_are_told_without_the_key() {
    let body = format!(
        "{{\"error\":{{\"message\":\"`{KEY}` is wrong\",\"status\":\"UNAUTHENTICATED\"}}}}"
    );
    let head = format!(
        "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = ask(
        &provider(raw(head).await, MODELS[0], LONG),
        &[Message::user("hi")],
    )
    .await;
    let expected = ModelError::Fatal {
        status: Some(401),
        message: "*** is wrong (HTTP 401, `UNAUTHENTICATED`)".into(),
    };
    assert_eq!(answer, vec![Err(expected)]);
}

#[tokio::test]
async fn a_busy_vendor_says_in_the_body_when_to_come_back() {
    let body = json!({ "error": {
        "code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED",
        "details": [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s" }],
    } })
    .to_string();
    let head = format!(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = ask(
        &provider(raw(head).await, MODELS[0], LONG),
        &[Message::user("hi")],
    )
    .await;
    let expected = ModelError::Transient {
        message: "slow (HTTP 429, `RESOURCE_EXHAUSTED`)".into(),
        retry_after_ms: Some(3000),
    };
    assert_eq!(answer, vec![Err(expected)]);
}

const FINISHED: &str = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]},\
                        \"finishReason\":\"STOP\"}]}\n\n";

fn chunked(body: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                transfer-encoding: chunked\r\n\r\n";
    format!("{head}{:x}\r\n{body}\r\n", body.len())
}

/// An endpoint that answers its first connection with this and goes away.
async fn raw(head: String) -> SocketAddr {
    then(head, |socket| async move { drop(socket) }).await
}

async fn then<F>(head: String, then: impl FnOnce(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 65536];
        assert!(socket.read(&mut request).await.unwrap() > 0);
        socket.write_all(head.as_bytes()).await.unwrap();
        then(socket).await;
    });
    address
}

#[tokio::test]
async fn only_a_clean_end_is_one() {
    let lost = raw(chunked(FINISHED)).await;
    let answer = ask(&provider(lost, MODELS[0], LONG), &[Message::user("hi")]).await;
    let [Ok(StreamEvent::Text(_)), Err(ModelError::Incomplete { .. })] = &answer[..] else {
        panic!("{answer:?}")
    };
    let whole = raw(format!("{}0\r\n\r\n", chunked(FINISHED))).await;
    let answer = ask(&provider(whole, MODELS[0], LONG), &[Message::user("hi")]).await;
    let [Ok(StreamEvent::Text(_)), Ok(StreamEvent::Done { .. })] = &answer[..] else {
        panic!("{answer:?}")
    };
}

#[tokio::test]
async fn silence_is_bounded() {
    let hang = |socket: TcpStream| async move {
        std::future::pending::<()>().await;
        drop(socket);
    };
    let short = Duration::from_millis(100);
    let silent = then(chunked(FINISHED), hang).await;
    let answer = ask(&provider(silent, MODELS[0], short), &[Message::user("hi")]).await;
    let [Ok(StreamEvent::Text(_)), Err(ModelError::Incomplete { .. })] = &answer[..] else {
        panic!("{answer:?}")
    };
}
