//! The provider against endpoints on real sockets: one that keeps the vendor's rules, and some
//! that keep none.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod vendor;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use rivetos_http::Http;
use rivetos_model_anthropic::Anthropic;
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus};
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StopReason, StreamEvent};
use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};
use rivetos_types::settings::AnthropicAccess;
use rivetos_types::store::Thinking;
use rivetos_types::tool::ToolSpec;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vendor::rules::signature;
use vendor::{Vendor, events, said, settings};

const BUDGET: &str = "claude-haiku-4-5";
const ADAPTIVE: &str = "claude-opus-5-5";

/// Counts how often the key was asked for.
#[derive(Default)]
struct Key(AtomicU32);

impl SecretResolver for Key {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        match secret {
            SecretRef::Env(name) => Ok(Secret::new(name.clone())),
            SecretRef::File(_) | SecretRef::Written(_) => Err(SecretError::Empty(secret.clone())),
        }
    }
}

fn provider(address: SocketAddr, model: &str) -> Anthropic {
    let access = AnthropicAccess::Key(SecretRef::Env("canary".into()));
    Anthropic::new(
        settings(address, model, access),
        Arc::new(Key::default()),
        Http::new(),
    )
}

fn request(messages: &[Message]) -> ModelRequest {
    ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: Some(Thinking::Low),
        system: "be brief".into(),
        messages: messages.to_vec().into(),
        tools: [ToolSpec {
            name: "shell".into(),
            description: "Runs.".into(),
            parameters: json!({ "type": "object" }),
        }]
        .into(),
    }
}

/// Lets the vendor refuse the next request.
fn refuse(vendor: &Vendor, status: u16, kind: &str, said: &str) {
    let error = json!({ "type": kind, "message": said });
    let body = json!({ "type": "error", "error": error, "request_id": "req_1" });
    let mut answers = vendor.answers.lock().unwrap();
    answers.push_back((status, body.to_string()));
}

fn thought(thinking: &str) -> Value {
    json!({ "type": "thinking", "thinking": thinking, "signature": signature(thinking) })
}

fn calls(id: &str) -> Value {
    json!({ "type": "tool_use", "id": id, "name": "shell", "input": {} })
}

type Items = Vec<Result<StreamEvent, ModelError>>;

async fn ask(provider: &Anthropic, messages: &[Message]) -> Items {
    provider.stream(request(messages)).collect().await
}

/// What the agent keeps of an answer, and why it ended.
fn kept(items: Items) -> (Message, StopReason) {
    let mut content: Vec<ContentPart> = Vec::new();
    let mut tool_calls: Vec<ToolCall> = Vec::new();
    let mut end = None;
    for item in items {
        match item.unwrap() {
            StreamEvent::Text(more) => match content.last_mut() {
                Some(ContentPart::Text { text }) => text.push_str(&more),
                _ => content.push(ContentPart::text(more)),
            },
            StreamEvent::Reasoning(_) => {}
            StreamEvent::ToolCall(call) => tool_calls.push(call),
            StreamEvent::Vendor(block) => content.push(ContentPart::Vendor(block)),
            StreamEvent::Done { stop, .. } => end = Some(stop),
        }
    }
    let message = Message::Assistant {
        content,
        tool_calls,
    };
    (message, end.unwrap())
}

fn result(id: &str) -> Message {
    Message::Tool(ToolResult {
        files: Vec::new(),
        call_id: id.into(),
        content: "done".into(),
        status: ToolStatus::Ok,
    })
}

#[tokio::test]
async fn thinking_and_parallel_calls_go_through_a_loop_of_tools() {
    for model in [BUDGET, ADAPTIVE] {
        let vendor = Vendor::new("canary");
        let blocks = [
            thought("two things"),
            json!({ "type": "redacted_thinking", "data": "ZW5j" }),
            said("Both."),
            calls("toolu_1"),
            calls("toolu_2"),
        ];
        vendor.streams(&events(&blocks, "tool_use"));
        vendor.streams(&events(
            &[thought("one more"), calls("toolu_3")],
            "tool_use",
        ));
        vendor.streams(&events(&[said("All done.")], "end_turn"));
        let provider = provider(vendor.serve().await, model);
        let mut messages = vec![Message::user("go")];
        for ids in [&["toolu_2", "toolu_1"][..], &["toolu_3"], &[]] {
            let (answer, stop) = kept(ask(&provider, &messages).await);
            assert_eq!(stop == StopReason::End, ids.is_empty());
            messages.push(answer);
            messages.extend(ids.iter().map(|id| result(id)));
        }
        let seen = vendor.seen.lock().unwrap();
        assert_eq!(
            seen[1].1["messages"][1]["content"],
            Value::from(blocks.to_vec())
        );
        let results = seen[1].1["messages"][2]["content"].as_array().unwrap();
        assert_eq!(results.len(), 2, "{results:?}");
    }
}

#[tokio::test]
async fn a_conversation_that_another_vendor_began_goes_on() {
    let vendor = Vendor::new("canary");
    vendor.streams(&events(&[said("yes")], "end_turn"));
    let provider = provider(vendor.serve().await, BUDGET);
    let block = |vendor: &str, model: &str| {
        ContentPart::Vendor(rivetos_types::message::VendorBlock {
            vendor: vendor.into(),
            model: model.into(),
            block: json!({ "type": "thinking", "thinking": "hm", "signature": "of another" }),
        })
    };
    let call = |id: &str| ToolCall {
        id: id.into(),
        name: "shell".into(),
        arguments: "{\"half\":".into(),
    };
    let answer = |calls| Message::Assistant {
        content: vec![block("google", BUDGET), block("anthropic", ADAPTIVE)],
        tool_calls: calls,
    };
    let messages = [
        Message::user("go"),
        Message::user("now"),
        answer(Vec::new()),
        answer(vec![call("functions.shell:0"), call("b")]),
        result("b"),
        result("functions.shell:0"),
        answer(vec![call("b")]),
        result("b"),
    ];
    let (_, stop) = kept(ask(&provider, &messages).await);
    assert_eq!(stop, StopReason::End);
}

#[tokio::test]
async fn a_pause_goes_on_where_it_was() {
    let search = json!({ "type": "server_tool_use", "id": "s", "name": "web_search", "input": {} });
    let found = json!({ "type": "web_search_tool_result", "tool_use_id": "s", "content": [] });
    let cited = json!({ "type": "text", "text": "blue", "citations": [{ "url": "u" }] });
    let vendor = Vendor::new("canary");
    vendor.streams(&events(
        &[said("Let me see."), search.clone()],
        "pause_turn",
    ));
    vendor.streams(&events(
        &[found.clone(), said("It is "), cited.clone()],
        "end_turn",
    ));
    vendor.streams(&events(&[said("no")], "end_turn"));
    let provider = provider(vendor.serve().await, ADAPTIVE);
    let mut messages = vec![Message::user("sky?")];
    for (stop, more) in [
        (StopReason::Pause, None),
        (StopReason::End, Some(Message::user("green?"))),
        (StopReason::End, None),
    ] {
        let (answer, stopped) = kept(ask(&provider, &messages).await);
        assert_eq!(stopped, stop);
        messages.push(answer);
        messages.extend(more);
    }
    let seen = vendor.seen.lock().unwrap();
    let content = &seen[2].1["messages"][1]["content"];
    let expected = [said("Let me see."), search, found, said("It is "), cited];
    assert_eq!(*content, Value::from(expected.to_vec()));
}

#[tokio::test]
async fn thinking_that_is_refused_is_left_out() {
    let vendor = Vendor::new("canary");
    vendor.streams(&events(&[said("here again")], "end_turn"));
    let provider = provider(vendor.serve().await, ADAPTIVE);
    let block = rivetos_types::message::VendorBlock {
        vendor: "anthropic".into(),
        model: ADAPTIVE.into(),
        block: json!({ "type": "thinking", "thinking": "hm", "signature": "altered" }),
    };
    let answer = Message::Assistant {
        content: vec![ContentPart::Vendor(block), ContentPart::text("so")],
        tool_calls: Vec::new(),
    };
    let messages = [Message::user("go"), answer, Message::user("on")];
    let (_, stop) = kept(ask(&provider, &messages).await);
    assert_eq!(stop, StopReason::End);
    assert_eq!(vendor.seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn the_key_is_asked_for_each_time_and_models_are_named_in_betas() {
    let vendor = Vendor::new("canary");
    let key = Arc::new(Key::default());
    let access = AnthropicAccess::Key(SecretRef::Env("canary".into()));
    let mut settings = settings(vendor.serve().await, BUDGET, access);
    settings.betas = vec!["one-2026-01-01".into()];
    let provider = Anthropic::new(settings, Arc::clone(&key) as Arc<_>, Http::new());
    for model in [BUDGET, ADAPTIVE] {
        vendor.streams(&events(&[said("hi")], "end_turn"));
        let mut request = request(&[Message::user("hi")]);
        request.model = Some(model.into());
        let items: Items = provider.stream(request).collect().await;
        assert_eq!(kept(items).1, StopReason::End);
    }
    assert_eq!(key.0.load(Ordering::Relaxed), 2);
    let seen = vendor.seen.lock().unwrap();
    let betas = |at: usize| seen[at].0["anthropic-beta"].to_str().unwrap().to_owned();
    assert_eq!(betas(0), "one-2026-01-01");
    assert_eq!(
        betas(1),
        "one-2026-01-01,thinking-binding-controls-2026-08-01"
    );
    assert_eq!(seen[1].1["model"], ADAPTIVE);
}

#[tokio::test]
async fn refusals_say_what_may_pass() {
    let vendor = Vendor::new("canary");
    let provider = provider(vendor.serve().await, BUDGET);
    refuse(&vendor, 529, "overloaded_error", "Overloaded");
    let message = "Overloaded (HTTP 529, `overloaded_error`, request req_1)".to_owned();
    let expected = ModelError::Transient {
        message,
        retry_after_ms: Some(3000),
    };
    assert_eq!(
        ask(&provider, &[Message::user("hi")]).await,
        vec![Err(expected)]
    );
    let echo = "not with key canary in version 2023-06-01";
    refuse(&vendor, 403, "permission_error", echo);
    let message =
        "not with key *** in version 2023-06-01 (HTTP 403, `permission_error`, request req_1)"
            .to_owned();
    let expected = ModelError::Fatal {
        status: Some(403),
        message,
    };
    assert_eq!(
        ask(&provider, &[Message::user("hi")]).await,
        vec![Err(expected)]
    );
    let error = json!({ "type": "rate_limit_error", "message": "slow" });
    vendor.streams(&[json!({ "type": "error", "error": error })]);
    let items = ask(&provider, &[Message::user("hi")]).await;
    assert!(
        matches!(items[..], [Err(ModelError::Transient { .. })]),
        "{items:?}"
    );
    vendor.streams(&events(&[said("I will"), said(" not")], "refusal"));
    let (_, stop) = kept(ask(&provider, &[Message::user("hi")]).await);
    assert_eq!(stop, StopReason::Refusal(None));
}

#[tokio::test]
async fn models_are_listed_page_by_page() {
    let vendor = Vendor::new("canary");
    let provider = provider(vendor.serve().await, BUDGET);
    let listed = provider.list_models().await.unwrap();
    let limits = |model: &rivetos_model_anthropic::Listed| {
        let limits = model
            .limits
            .map(|limits| (limits.context_tokens, limits.output_tokens));
        (model.name.clone(), limits)
    };
    let expected = [
        ("claude-opus-9".to_owned(), Some((9, 3))),
        ("claude-haiku-4-5".to_owned(), Some((200_000, 64_000))),
        ("unheard-of".to_owned(), None),
    ];
    assert_eq!(listed.iter().map(limits).collect::<Vec<_>>(), expected);
    assert_eq!(provider.check().await, Ok(()));
    assert!(vendor.seen.lock().unwrap().is_empty(), "a billed request");
}

#[tokio::test]
async fn a_wrong_key_is_not_repeated_by_a_look() {
    let vendor = Vendor::new("another");
    let error = provider(vendor.serve().await, BUDGET)
        .check()
        .await
        .unwrap_err();
    let ModelError::Fatal { status, message } = error else {
        panic!("{error:?}")
    };
    assert_eq!(status, Some(401));
    assert!(!message.contains("canary"), "{message}");
}

/// An endpoint that answers its first connection with `head` and then does what `then` does.
async fn raw<F>(head: String, then: impl FnOnce(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 16 * 1024];
        assert!(socket.read(&mut request).await.unwrap() > 0);
        socket.write_all(head.as_bytes()).await.unwrap();
        then(socket).await;
    });
    address
}

/// The beginning of an answer, up to its first word.
fn first_word() -> String {
    let events = events(&[said("a")], "end_turn");
    let body = format!("data: {}\n\ndata: {}\n\n", events[0], events[1]);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                transfer-encoding: chunked\r\n\r\n";
    format!("{head}{:x}\r\n{body}\r\n", body.len())
}

#[tokio::test]
async fn a_lost_connection_and_silence_are_incomplete() {
    let reset = raw(first_word(), |socket| async move { drop(socket) }).await;
    let silent = raw(first_word(), |socket| async move {
        std::future::pending::<()>().await;
        drop(socket);
    });
    for address in [reset, silent.await] {
        let access = AnthropicAccess::Key(SecretRef::Env("canary".into()));
        let mut settings = settings(address, BUDGET, access);
        settings.idle_timeout = Duration::from_millis(100);
        let provider = Anthropic::new(settings, Arc::new(Key::default()), Http::new());
        let items = ask(&provider, &[Message::user("hi")]).await;
        let [Ok(StreamEvent::Text(_)), Err(ModelError::Incomplete { .. })] = &items[..] else {
            panic!("{items:?}")
        };
    }
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let (closed, was_closed) = tokio::sync::oneshot::channel();
    let wait = move |mut socket: TcpStream| async move {
        let end = socket.read(&mut [0; 16]).await;
        closed.send(matches!(end, Ok(0) | Err(_))).unwrap();
    };
    let provider = provider(raw(first_word(), wait).await, BUDGET);
    let mut stream = provider.stream(request(&[Message::user("hi")]));
    assert_eq!(stream.next().await, Some(Ok(StreamEvent::Text("a".into()))));
    drop(stream);
    assert!(was_closed.await.unwrap());
}
