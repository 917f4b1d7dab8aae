//! An agent of each kind of provider, from its configuration to the reply.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::IntoResponse;
use serde_json::Value;
use support::agent::Home;
use support::client;
use support::fake::KEY;
use tokio::net::TcpListener;

/// What a vendor is asked, and what it answers.
struct Vendor {
    kind: &'static str,
    /// Where the API begins.
    base: &'static str,
    path: &'static str,
    /// The header with the key, and what stands before it.
    key: (&'static str, &'static str),
    content_type: &'static str,
    answer: &'static str,
}

const VENDORS: [Vendor; 5] = [
    Vendor {
        kind: "anthropic",
        base: "",
        path: "/v1/messages",
        key: ("x-api-key", ""),
        content_type: "text/event-stream",
        answer: concat!(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",",
            "\"role\":\"assistant\",\"content\":[],\"model\":\"m-1\",\"usage\":{\"input_tokens\":7,",
            "\"output_tokens\":1}}}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,",
            "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,",
            "\"delta\":{\"type\":\"text_delta\",\"text\":\"Good day.\"}}\n\n",
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":",
            "\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
    },
    Vendor {
        kind: "google",
        base: "/v1beta",
        path: "/v1beta/models/m-1:streamGenerateContent",
        key: ("x-goog-api-key", ""),
        content_type: "text/event-stream",
        answer: concat!(
            "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":",
            "\"Good day.\"}]},\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":",
            "{\"promptTokenCount\":7,\"candidatesTokenCount\":3,\"totalTokenCount\":10}}\n\n",
        ),
    },
    Vendor {
        kind: "ollama",
        base: "",
        path: "/api/chat",
        key: ("authorization", "Bearer "),
        content_type: "application/x-ndjson",
        answer: concat!(
            "{\"model\":\"m-1\",\"message\":{\"role\":\"assistant\",\"content\":\"Good day.\"},",
            "\"done\":false}\n",
            "{\"model\":\"m-1\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,",
            "\"done_reason\":\"stop\",\"prompt_eval_count\":7,\"eval_count\":3}\n",
        ),
    },
    Vendor {
        kind: "openai-compat",
        base: "/v1",
        path: "/v1/chat/completions",
        key: ("authorization", "Bearer "),
        content_type: "text/event-stream",
        answer: concat!(
            "data: {\"choices\":[{\"delta\":{\"content\":\"Good day.\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":",
            "{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n",
        ),
    },
    Vendor {
        kind: "xai",
        base: "/v1",
        path: "/v1/responses",
        key: ("authorization", "Bearer "),
        content_type: "text/event-stream",
        answer: concat!(
            "event: response.created\ndata: {\"type\":\"response.created\",\"response\":",
            "{\"id\":\"r\",\"status\":\"in_progress\"}}\n\n",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",",
            "\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"delta\":\"Good day.\"}\n\n",
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":",
            "{\"id\":\"r\",\"status\":\"completed\",\"output\":[{\"type\":\"message\",\"id\":\"i\",",
            "\"role\":\"assistant\",\"status\":\"completed\",\"content\":[{\"type\":\"output_text\",",
            "\"text\":\"Good day.\",\"annotations\":[]}]}],\"usage\":{\"input_tokens\":7,",
            "\"output_tokens\":3}}}\n\n",
        ),
    },
];

type Asked = Arc<Mutex<Vec<(String, HeaderMap, Value)>>>;

async fn answer(
    State((vendor, asked)): State<(&'static Vendor, Asked)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let request = (uri.path().to_owned(), headers, body);
    asked.lock().unwrap().push(request);
    ([(header::CONTENT_TYPE, vendor.content_type)], vendor.answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_provider_answers() {
    for vendor in &VENDORS {
        let kind = vendor.kind;
        let asked = Asked::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}{}", listener.local_addr().unwrap(), vendor.base);
        let app = Router::new()
            .fallback(answer)
            .with_state((vendor, Arc::clone(&asked)));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let home = Home::of(
            kind,
            "",
            &format!(
                "  {kind}:\n    model: m-1\n    base_url: {base_url}\n    api_key: {{file: key}}\n"
            ),
        );
        let agent = home.start().await;
        let reply = client::send(home.port, "1", "Hello?").await;
        assert_eq!(reply.response, "Good day.", "{kind}");
        let asked = asked.lock().unwrap();
        // Some look first what the model can.
        let (_, headers, body) = asked
            .iter()
            .find(|(path, ..)| path == vendor.path)
            .unwrap_or_else(|| panic!("{kind}: {asked:?}"));
        let (name, scheme) = vendor.key;
        assert_eq!(headers[name], format!("{scheme}{KEY}"), "{kind}");
        assert!(body.to_string().contains("Hello?"), "{kind}: {body}");
        drop(agent);
    }
}
