//! The provider against endpoints on real sockets, well-behaved and not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::StreamExt;
use rivetos_http::Http;
use rivetos_model_openai_compat::OpenAiCompat;
use rivetos_types::message::{Message, TokenUsage};
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StopReason, StreamEvent};
use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};
use rivetos_types::settings::{self, CompatApi};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\n\
                      data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
                      data: [DONE]\n\n";

/// A key that is another one each time.
#[derive(Default)]
struct Rotating(AtomicU32);

impl SecretResolver for Rotating {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        let SecretRef::Env(name) = secret else {
            return Err(SecretError::Empty(secret.clone()));
        };
        Ok(Secret::new(format!(
            "{name}-{}",
            self.0.fetch_add(1, Ordering::Relaxed)
        )))
    }
}

fn provider(address: SocketAddr, idle_timeout: Duration) -> OpenAiCompat {
    with(settings(address, idle_timeout))
}

fn with(settings: settings::OpenAiCompat) -> OpenAiCompat {
    OpenAiCompat::new(settings, Arc::new(Rotating::default()), Http::new())
}

fn settings(address: SocketAddr, idle_timeout: Duration) -> settings::OpenAiCompat {
    settings::OpenAiCompat {
        name: "test".into(),
        base_url: format!("http://{address}/v1"),
        api: CompatApi::Chat,
        model: "m-1".into(),
        api_key: Some(SecretRef::Env("canary".into())),
        max_tokens: None,
        temperature: None,
        top_p: None,
        repeat_penalty: None,
        extra_body: Map::new(),
        first_byte_timeout: idle_timeout,
        idle_timeout,
    }
}

async fn ask(provider: &OpenAiCompat) -> Vec<Result<StreamEvent, ModelError>> {
    let messages = vec![Message::user("hello")];
    let request = ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: Arc::default(),
        messages: messages.into(),
        tools: Arc::default(),
    };
    provider.stream(request).collect().await
}

const LONG: Duration = Duration::from_secs(20);

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
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
        let mut request = vec![0; 4096];
        assert!(socket.read(&mut request).await.unwrap() > 0);
        socket.write_all(head.as_bytes()).await.unwrap();
        then(socket).await;
    });
    address
}

fn chunked(body: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                transfer-encoding: chunked\r\n\r\n";
    format!("{head}{:x}\r\n{body}\r\n", body.len())
}

#[tokio::test]
async fn the_key_is_asked_for_each_time_and_the_connection_stays() {
    let seen: Arc<Mutex<Vec<(SocketAddr, String)>>> = Arc::default();
    let log = Arc::clone(&seen);
    let answer = move |ConnectInfo(peer): ConnectInfo<SocketAddr>, headers: HeaderMap| async move {
        let key = headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
        log.lock().unwrap().push((peer, key));
        ([(header::CONTENT_TYPE, "text/event-stream")], ANSWER)
    };
    let address = serve(Router::new().route("/v1/chat/completions", post(answer))).await;
    let provider = provider(address, LONG);
    let expected = vec![
        Ok(StreamEvent::Text("hi".into())),
        Ok(StreamEvent::Done {
            stop: StopReason::End,
            usage: TokenUsage::default(),
        }),
    ];
    for _ in 0..2 {
        assert_eq!(ask(&provider).await, expected);
        // The rest of an answer is read beside us before its connection is free again.
        tokio::task::yield_now().await;
    }
    let seen = seen.lock().unwrap();
    let keys: Vec<&str> = seen.iter().map(|(_, key)| key.as_str()).collect();
    assert_eq!(keys, ["Bearer canary-0", "Bearer canary-1"]);
    assert_eq!(
        seen[0].0, seen[1].0,
        "the second request opened another connection"
    );
}

#[tokio::test]
async fn a_refusal_is_told_without_the_key() {
    let answer = |headers: HeaderMap| async move {
        let key = headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
        let body = format!("{{\"error\":{{\"message\":\"wrong: {key}\"}}}}");
        (StatusCode::UNAUTHORIZED, [("x-request-id", "req_1")], body).into_response()
    };
    let address = serve(Router::new().route("/v1/chat/completions", post(answer))).await;
    let message = "wrong: Bearer *** (HTTP 401, request req_1)".to_owned();
    let expected = ModelError::Fatal {
        status: Some(401),
        message,
    };
    assert_eq!(ask(&provider(address, LONG)).await, vec![Err(expected)]);
}

#[tokio::test]
async fn a_busy_endpoint_says_when_to_come_back() {
    let answer = || async {
        (
            StatusCode::TOO_MANY_REQUESTS,
            [(header::RETRY_AFTER, "3")],
            "slow",
        )
    };
    let address = serve(Router::new().route("/v1/chat/completions", post(answer))).await;
    let message = "slow (HTTP 429)".to_owned();
    let expected = ModelError::Transient {
        message,
        retry_after_ms: Some(3000),
    };
    assert_eq!(ask(&provider(address, LONG)).await, vec![Err(expected)]);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let answer = || async {
        (
            StatusCode::FOUND,
            [(header::LOCATION, "http://127.0.0.1:1/")],
        )
    };
    let address = serve(Router::new().route("/v1/chat/completions", post(answer))).await;
    let answer = ask(&provider(address, LONG)).await;
    assert!(
        matches!(
            answer[..],
            [Err(ModelError::Fatal {
                status: Some(302),
                ..
            })]
        ),
        "{answer:?}"
    );
}

#[tokio::test]
async fn what_is_no_stream_is_refused() {
    let answer = || async {
        (
            [(header::CONTENT_TYPE, "application/json")],
            "{\"error\":\"no\"}",
        )
    };
    let address = serve(Router::new().route("/v1/chat/completions", post(answer))).await;
    let answer = ask(&provider(address, LONG)).await;
    assert!(
        matches!(
            answer[..],
            [Err(ModelError::Fatal {
                status: Some(200),
                ..
            })]
        ),
        "{answer:?}"
    );
}

#[tokio::test]
async fn nobody_there_is_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let answer = ask(&provider(address, LONG)).await;
    let [Err(ModelError::Transient { message, .. })] = &answer[..] else {
        panic!("{answer:?}")
    };
    assert!(message.contains("refused"), "{message}");
}

#[tokio::test]
async fn a_lost_connection_is_incomplete_also_after_the_finish_reason() {
    let without_done = ANSWER.strip_suffix("data: [DONE]\n\n").unwrap();
    let address = raw(chunked(without_done), |socket| async move { drop(socket) }).await;
    let answer = ask(&provider(address, LONG)).await;
    let [Ok(StreamEvent::Text(_)), Err(ModelError::Incomplete { .. })] = &answer[..] else {
        panic!("{answer:?}")
    };
}

#[tokio::test]
async fn silence_is_bounded() {
    let hang = |socket: TcpStream| async move {
        std::future::pending::<()>().await;
        drop(socket);
    };
    let first = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let address = raw(chunked(first), hang).await;
    let answer = ask(&provider(address, Duration::from_millis(100))).await;
    let [Ok(StreamEvent::Text(_)), Err(ModelError::Incomplete { .. })] = &answer[..] else {
        panic!("{answer:?}")
    };
    let address = raw(String::new(), hang).await;
    let answer = ask(&provider(address, Duration::from_millis(100))).await;
    assert!(
        matches!(answer[..], [Err(ModelError::Transient { .. })]),
        "{answer:?}"
    );
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let (closed, was_closed) = tokio::sync::oneshot::channel();
    let wait = move |mut socket: TcpStream| async move {
        let end = socket.read(&mut [0; 16]).await;
        closed.send(matches!(end, Ok(0) | Err(_))).unwrap();
    };
    let first = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let address = raw(chunked(first), wait).await;
    let provider = provider(address, LONG);
    let messages = vec![Message::user("hello")];
    let request = ModelRequest {
        model: None,
        images: BTreeMap::new(),
        thinking: None,
        system: Arc::default(),
        messages: messages.into(),
        tools: Arc::default(),
    };
    let mut stream = provider.stream(request);
    assert_eq!(stream.next().await, Some(Ok(StreamEvent::Text("a".into()))));
    drop(stream);
    assert!(was_closed.await.unwrap());
}

fn listed(models: &Value) -> axum::routing::MethodRouter {
    let models = models.clone();
    get(move || async move { Json(json!({ "object": "list", "data": models })) })
}

#[tokio::test]
async fn the_endpoint_says_what_it_has_and_how_long_a_conversation_may_be() {
    let several = json!([{ "id": "a", "context_length": 7 }, { "id": "b", "max_model_len": 8 }, { "id": "c" }]);
    let address = serve(Router::new().route("/v1/models", listed(&several))).await;
    let models = provider(address, LONG).list_models().await.unwrap();
    let found: Vec<_> = models
        .iter()
        .map(|model| (model.name.as_str(), model.context))
        .collect();
    assert_eq!(found, [("a", Some(7)), ("b", Some(8)), ("c", None)]);

    let props = json!({ "default_generation_settings": { "n_ctx": 4096 } });
    let one = json!([{ "id": "qwen.gguf", "meta": { "n_ctx_train": 262_144 } }]);
    let llama = Router::new()
        .route("/v1/models", listed(&one))
        .route("/props", get(move || async move { Json(props) }));
    let models = provider(serve(llama).await, LONG)
        .list_models()
        .await
        .unwrap();
    assert_eq!(models[0].context, Some(4096));

    let refused = get(|| async { (StatusCode::UNAUTHORIZED, "wrong: canary-0") });
    let address = serve(Router::new().route("/v1/models", refused)).await;
    let error = provider(address, LONG).check().await.unwrap_err();
    assert_eq!(error.to_string(), "wrong: *** (HTTP 401)");
}

#[tokio::test]
async fn the_default_model_is_the_first_that_the_endpoint_has() {
    let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
    let log = Arc::clone(&asked);
    let answer = move |Json(body): Json<Value>| async move {
        log.lock().unwrap().push(body["model"].clone());
        ([(header::CONTENT_TYPE, "text/event-stream")], ANSWER)
    };
    let app = Router::new()
        .route(
            "/v1/models",
            listed(&json!([{ "id": "first" }, { "id": "second" }])),
        )
        .route("/v1/chat/completions", post(answer));
    let address = serve(app).await;
    let mut settings = settings(address, LONG);
    settings.model = "default".into();
    assert_eq!(ask(&with(settings)).await.len(), 2);
    assert_eq!(ask(&provider(address, LONG)).await.len(), 2);
    assert_eq!(*asked.lock().unwrap(), [json!("first"), json!("m-1")]);
}

#[tokio::test]
async fn an_endpoint_can_be_asked_by_its_responses_api() {
    let answer = |Json(body): Json<Value>| async move {
        let input = json!([{ "type": "message", "role": "user", "content": "hello" }]);
        assert_eq!((&body["input"], &body["store"]), (&input, &json!(false)));
        let delta = json!({ "type": "response.output_text.delta", "delta": "hi" });
        let done = json!({ "type": "response.completed", "response": { "id": "resp_1" } });
        let events = format!("data: {delta}\n\ndata: {done}\n\n");
        ([(header::CONTENT_TYPE, "text/event-stream")], events)
    };
    let address = serve(Router::new().route("/v1/responses", post(answer))).await;
    let mut settings = settings(address, LONG);
    settings.api = CompatApi::Responses;
    let expected = vec![
        Ok(StreamEvent::Text("hi".into())),
        Ok(StreamEvent::Done {
            stop: StopReason::End,
            usage: TokenUsage::default(),
        }),
    ];
    assert_eq!(ask(&with(settings)).await, expected);
}
