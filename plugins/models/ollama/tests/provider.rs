//! The provider against servers on real sockets: one that takes only what Ollama takes, and rude
//! ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use rivetos_http::Http;
use rivetos_model_ollama::Ollama;
use rivetos_model_ollama::pull::Progress;
use rivetos_types::media::{Attachment, FileDigest, MediaType};
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus, VendorBlock};
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StopReason, StreamEvent};
use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};
use rivetos_types::settings;
use rivetos_types::store::Thinking;
use rivetos_types::tool::ToolSpec;
use serde_json::{Map, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

mod server;

use server::{Server, TOKEN};

const LONG: Duration = Duration::from_secs(20);

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

fn provider(address: SocketAddr, model: &str, idle_timeout: Duration) -> Ollama {
    let settings = settings::Ollama {
        name: "test".into(),
        base_url: format!("http://{address}/"),
        model: model.into(),
        api_key: Some(SecretRef::Env(TOKEN.into())),
        max_tokens: Some(100),
        num_ctx: Some(8192),
        temperature: None,
        top_p: None,
        keep_alive: None,
        options: Map::new(),
        extra_body: Map::new(),
        first_byte_timeout: idle_timeout,
        idle_timeout,
    };
    Ollama::new(settings, Arc::new(Named), Http::new())
}

fn request(messages: Vec<Message>) -> ModelRequest {
    ModelRequest {
        model: None,
        images: BTreeMap::from([
            (FileDigest("a".into()), Arc::from(*b"\x89PN")),
            (FileDigest("b".into()), Arc::from(*b"%PDF-1.4")),
        ]),
        thinking: Some(Thinking::Medium),
        system: "be brief".into(),
        messages: messages.into(),
        tools: [ToolSpec {
            name: "look".into(),
            description: "Looks.".into(),
            parameters: json!({ "type": "object" }),
        }]
        .into(),
    }
}

async fn ask(provider: &Ollama, messages: &[Message]) -> Vec<Result<StreamEvent, ModelError>> {
    provider.stream(request(messages.to_vec())).collect().await
}

fn result(call: &ToolCall) -> Message {
    Message::Tool(ToolResult {
        call_id: call.id.clone(),
        content: "blue".into(),
        status: ToolStatus::Ok,
        files: Vec::new(),
    })
}

#[tokio::test]
async fn a_turn_with_thoughts_and_calls_keeps_to_the_rules() {
    let (server, address) = Server::start().await;
    // How each of the models is told to think is asked once.
    for (model, think) in [
        ("thinks", json!(true)),
        ("gpt-oss", json!("medium")),
        ("simple", json!(null)),
    ] {
        let provider = provider(address, model, LONG);
        let mut messages = vec![Message::user("which colour is the sky?")];
        let (mut content, mut tool_calls) = (Vec::new(), Vec::new());
        for event in ask(&provider, &messages).await {
            match event.unwrap() {
                StreamEvent::Text(text) => content.push(ContentPart::text(text)),
                StreamEvent::Reasoning(_) => {}
                StreamEvent::ToolCall(mut call) => {
                    call.id = format!("renamed_{}", tool_calls.len());
                    tool_calls.push(call);
                }
                StreamEvent::Vendor(block) => content.push(ContentPart::Vendor(block)),
                StreamEvent::Done { stop, .. } => assert_eq!(stop, StopReason::ToolUse),
            }
        }
        let results: Vec<Message> = tool_calls.iter().map(result).collect();
        assert_eq!(results.len(), 2);
        messages.push(Message::Assistant {
            content,
            tool_calls,
        });
        messages.extend(results);
        let answer = ask(&provider, &messages).await;
        assert_eq!(answer[0], Ok(StreamEvent::Text("Blue.".into())), "{model}");
        let asked = server.asked(model);
        assert_eq!(asked.len(), 2);
        for body in &asked {
            assert_eq!(body.get("think").unwrap_or(&json!(null)), &think, "{model}");
        }
        let thoughts = asked[1]["messages"][2].get("thinking");
        assert_eq!(thoughts.is_some(), model != "simple", "{model}");
        assert_eq!(server.shown(model), 1);
    }
}

#[tokio::test]
async fn a_conversation_that_began_elsewhere_is_valid() {
    let (_, address) = Server::start().await;
    let call = |id: &str| ToolCall {
        id: id.into(),
        name: "look".into(),
        arguments: "{\"at\":\"sk".into(),
    };
    let block = |vendor: &str| {
        ContentPart::Vendor(VendorBlock {
            vendor: vendor.into(),
            model: "another".into(),
            block: json!({ "type": "thinking", "signature": "x" }),
        })
    };
    let file = |digest: &str, media| {
        ContentPart::Attachment(Attachment {
            name: digest.into(),
            media,
            bytes: 3,
            digest: FileDigest(digest.into()),
            path: format!(".media/{digest}"),
            pixels: None,
            pages: None,
            text: None,
        })
    };
    let files = vec![file("a", MediaType::Png), file("b", MediaType::Pdf)];
    let history = [
        Message::user("hi"),
        Message::User { content: files },
        Message::Assistant {
            content: vec![block("anthropic"), ContentPart::text("Let me look.")],
            tool_calls: vec![call("toolu_1"), call("toolu_2")],
        },
        result(&call("toolu_2")),
        result(&call("toolu_1")),
        Message::user("never mind"),
        Message::Assistant {
            content: vec![block("google")],
            tool_calls: Vec::new(),
        },
        Message::assistant("It is"),
        Message::assistant(" a sky"),
    ];
    for end in [1, 2, 5, 6, 7, 8, 9] {
        let answer = ask(&provider(address, "thinks", LONG), &history[..end]).await;
        assert!(
            matches!(answer.last(), Some(Ok(StreamEvent::Done { .. }))),
            "{end}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn the_server_says_what_it_has() {
    let (_, address) = Server::start().await;
    let provider = provider(address, "thinks", LONG);
    assert_eq!(provider.version().await.as_deref(), Ok("0.12.0"));
    let models = provider.list_models().await.unwrap();
    let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["thinks", "gpt-oss", "simple"]);
    let shown = provider.show("thinks").await.unwrap();
    assert_eq!(shown.context_tokens, Some(40960));
    let Err(ModelError::Fatal { status, message }) = provider.show("gone").await else {
        panic!("shown")
    };
    assert_eq!(status, Some(404));
    assert_eq!(message, "model 'gone' not found (HTTP 404)");
}

#[tokio::test]
async fn a_pull_tells_how_far_it_is() {
    let (_, address) = Server::start().await;
    let provider = provider(address, "thinks", LONG);
    let told: Vec<_> = provider.pull("new").collect().await;
    let has = |bytes| {
        Ok(Progress::Has {
            digest: "sha256:6a".into(),
            bytes,
            of: 100,
        })
    };
    let doing = Ok(Progress::Doing("pulling manifest".into()));
    assert_eq!(told, [doing, has(0), has(60), Ok(Progress::Done)]);
    let told: Vec<_> = provider.pull("gone").collect().await;
    let [Ok(Progress::Doing(_)), Err(error)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        error.to_string(),
        "pull model manifest: file does not exist"
    );
    let told: Vec<_> = provider.pull("").collect().await;
    let [Err(ModelError::Fatal { status, .. })] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(*status, Some(400));
}

/// A server that answers its first connection with this, and then does what `then` does.
async fn raw<F>(head: String, then: impl FnOnce(TcpStream) -> F + Send + 'static) -> SocketAddr
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

fn chunked(body: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n\
                transfer-encoding: chunked\r\n\r\n";
    format!("{head}{:x}\r\n{body}\r\n", body.len())
}

const FIRST: &str = "{\"message\":{\"content\":\"a\"},\"done\":false}\n";

async fn ask_plainly(provider: &Ollama) -> Vec<Result<StreamEvent, ModelError>> {
    let mut request = request(vec![Message::user("hi")]);
    request.thinking = None;
    provider.stream(request).collect().await
}

#[tokio::test]
async fn a_body_that_ends_before_the_answer_is_incomplete_however_it_ends() {
    for tail in ["", "0\r\n\r\n"] {
        let head = format!("{}{tail}", chunked(FIRST));
        let address = raw(head, |socket| async move { drop(socket) }).await;
        let answer = ask_plainly(&provider(address, "m", LONG)).await;
        let [Ok(StreamEvent::Text(_)), Err(ModelError::Incomplete { .. })] = &answer[..] else {
            panic!("{answer:?}")
        };
    }
}

#[tokio::test]
async fn silence_is_bounded() {
    let hang = |socket: TcpStream| async move {
        std::future::pending::<()>().await;
        drop(socket);
    };
    let address = raw(chunked(FIRST), hang).await;
    let answer = ask_plainly(&provider(address, "m", Duration::from_millis(100))).await;
    let [Ok(StreamEvent::Text(_)), Err(ModelError::Incomplete { .. })] = &answer[..] else {
        panic!("{answer:?}")
    };
}

#[tokio::test]
async fn dropping_a_pull_closes_the_connection() {
    let (closed, was_closed) = tokio::sync::oneshot::channel();
    let wait = move |mut socket: TcpStream| async move {
        let end = socket.read(&mut [0; 16]).await;
        closed.send(matches!(end, Ok(0) | Err(_))).unwrap();
    };
    let address = raw(chunked("{\"status\":\"pulling manifest\"}\n"), wait).await;
    let provider = provider(address, "m", LONG);
    let mut told = provider.pull("new");
    assert!(matches!(told.next().await, Some(Ok(Progress::Doing(_)))));
    drop(told);
    assert!(was_closed.await.unwrap());
}

#[tokio::test]
async fn a_busy_server_and_one_without_the_model_are_told_apart() {
    for (status, said, transient) in [
        ("503 Service Unavailable", "server busy", true),
        ("404 Not Found", "model 'm' not found", false),
    ] {
        let body = json!({ "error": said }).to_string();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let address = raw(head, |socket| async move { drop(socket) }).await;
        let answer = ask_plainly(&provider(address, "m", LONG)).await;
        let [Err(error)] = &answer[..] else {
            panic!("{answer:?}")
        };
        assert_eq!(
            matches!(error, ModelError::Transient { .. }),
            transient,
            "{error:?}"
        );
    }
}
