//! Conversations held against the rules of a strict endpoint.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::StreamExt;
use rivetos_http::Http;
use rivetos_model_openai_compat::OpenAiCompat;
use rivetos_types::media::{Attachment, FileDigest, MediaType};
use rivetos_types::message::{ContentPart, Message, ToolCall, ToolResult, ToolStatus, VendorBlock};
use rivetos_types::model::{ModelError, ModelProvider, ModelRequest, StopReason, StreamEvent};
use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};
use rivetos_types::settings::{self, CompatApi};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

#[path = "endpoint/rules.rs"]
mod rules;

use rules::check;

struct NoKey;

impl SecretResolver for NoKey {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        Err(SecretError::Missing(secret.clone()))
    }
}

/// `DeepSeek`'s rule, for what this endpoint itself wrote.
fn reasoning(call: &str) -> Option<&'static str> {
    call.contains("own").then_some("hm")
}

async fn answer(Json(body): Json<Value>) -> Response {
    if let Err(said) = check(&body, &|call| reasoning(call).map(str::to_owned)) {
        let error = json!({ "error": { "message": said, "type": "invalid_request_error" } });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    let call = json!({
        "index": 0,
        "id": "own_1",
        "function": { "name": "shell", "arguments": "{}" },
    });
    let messages = body["messages"].as_array().unwrap();
    let (delta, finish) = if messages.last().unwrap()["role"] == "user" {
        (json!({ "tool_calls": [call] }), "tool_calls")
    } else {
        (json!({ "content": "done" }), "stop")
    };
    let events = [
        json!({ "choices": [{ "delta": { "reasoning_content": "hm" } }] }),
        json!({ "choices": [{ "delta": delta }] }),
        json!({ "choices": [{ "delta": {}, "finish_reason": finish }] }),
        json!({ "choices": [], "usage": { "prompt_tokens": 1, "completion_tokens": 1 } }),
    ];
    let events = events.map(|event| format!("data: {event}\n\n")).concat();
    // Without the last event: some endpoints just stop.
    ([(header::CONTENT_TYPE, "text/event-stream")], events).into_response()
}

async fn provider() -> OpenAiCompat {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let app = Router::new().route("/chat/completions", post(answer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let settings = settings::OpenAiCompat {
        name: "test".into(),
        base_url: format!("http://{address}"),
        api: CompatApi::Chat,
        model: "m-1".into(),
        api_key: None,
        max_tokens: None,
        temperature: None,
        top_p: None,
        repeat_penalty: None,
        extra_body: Map::new(),
        first_byte_timeout: Duration::from_secs(20),
        idle_timeout: Duration::from_secs(20),
    };
    OpenAiCompat::new(settings, Arc::new(NoKey), Http::new())
}

fn result(id: &str) -> Message {
    Message::Tool(ToolResult {
        call_id: id.to_owned(),
        content: "a.txt".into(),
        status: ToolStatus::Ok,
        files: Vec::new(),
    })
}

/// Asks, and appends the answer to the conversation as the turn machine would.
async fn step(
    provider: &OpenAiCompat,
    request: &mut ModelRequest,
) -> Result<StopReason, ModelError> {
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

#[tokio::test]
async fn tool_loops_and_conversations_of_several_vendors_are_valid() {
    let provider = provider().await;
    let mut request = ModelRequest {
        model: None,
        images: BTreeMap::from([(FileDigest("d".into()), Arc::from(*b"\x89PN"))]),
        thinking: None,
        system: "be brief".into(),
        messages: Arc::default(),
        tools: Arc::default(),
    };
    let foreign = ContentPart::Vendor(VendorBlock {
        vendor: "anthropic".into(),
        model: "claude".into(),
        block: json!({ "type": "thinking", "thinking": "x", "signature": "y" }),
    });
    let call = |id: &str| ToolCall {
        id: id.into(),
        name: "shell".into(),
        arguments: "{\"comm".into(),
    };
    let file = |media| {
        ContentPart::Attachment(Attachment {
            name: "a".into(),
            media,
            bytes: 3,
            digest: FileDigest("d".into()),
            path: ".media/a".into(),
            pixels: None,
            pages: None,
            text: None,
        })
    };
    let elsewhere = [
        Message::user("and now?"),
        Message::Assistant {
            content: vec![foreign],
            tool_calls: vec![call("toolu_1"), call("toolu_2")],
        },
        result("toolu_2"),
        result("toolu_1"),
        Message::assistant("Three."),
        Message::assistant("Or four."),
        Message::User {
            content: [MediaType::Png, MediaType::Pdf].map(file).to_vec(),
        },
    ];
    for _ in 0..2 {
        Arc::make_mut(&mut request.messages).push(Message::user("list the files"));
        assert_eq!(step(&provider, &mut request).await, Ok(StopReason::ToolUse));
        assert_eq!(step(&provider, &mut request).await, Ok(StopReason::End));
        Arc::make_mut(&mut request.messages).extend(elsewhere.clone());
    }
    assert_eq!(step(&provider, &mut request).await, Ok(StopReason::ToolUse));
}
