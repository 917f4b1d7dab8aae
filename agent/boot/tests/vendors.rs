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
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};
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

/// A vendor that answers, and what it was asked.
async fn serve(vendor: &'static Vendor) -> (String, Asked) {
    let asked = Asked::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}{}", listener.local_addr().unwrap(), vendor.base);
    let app = Router::new()
        .fallback(answer)
        .with_state((vendor, Arc::clone(&asked)));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (base_url, asked)
}

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
        let (base_url, asked) = serve(vendor).await;
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

/// The conversation of [`every_kind_of_provider_answers`] goes on with another vendor, for each
/// pair of them.
#[tokio::test(flavor = "multi_thread")]
async fn another_vendor_goes_on_when_one_cannot() {
    for (place, first) in VENDORS.iter().enumerate() {
        let second = &VENDORS[(place + 1) % VENDORS.len()];
        let (first_url, _) = serve(first).await;
        let (second_url, asked) = serve(second).await;
        let entry = |kind: &str, url: &str, key: &str| {
            format!(
                "  {kind}:\n    model: m-1\n    base_url: {url}\n    api_key: {{file: {key}}}\n"
            )
        };
        let providers = format!(
            "{}{}",
            entry(first.kind, &first_url, "first"),
            entry(second.kind, &second_url, "key")
        );
        let fallbacks = format!("    fallbacks: [{}]\n", second.kind);
        let home = Home::of(first.kind, &fallbacks, &providers);
        std::fs::write(home.path("first"), KEY).unwrap();
        let agent = home.start().await;
        client::send(home.port, "1", "Hello?").await;
        assert!(asked.lock().unwrap().is_empty(), "{}", first.kind);
        // Without its key the first one cannot be asked.
        std::fs::remove_file(home.path("first")).unwrap();
        let reply = client::send(home.port, "2", "Still there?").await;
        assert_eq!(
            reply.response, "Good day.",
            "{} to {}",
            first.kind, second.kind
        );
        let asked = asked.lock().unwrap();
        let (_, _, body) = asked.iter().find(|(path, ..)| path == second.path).unwrap();
        let body = body.to_string();
        for said in ["Hello?", "Good day.", "Still there?"] {
            assert!(
                body.contains(said),
                "{} to {}: {body}",
                first.kind,
                second.kind
            );
        }
        drop(agent);
    }
}

/// What the file says of a provider is in its requests.
#[tokio::test(flavor = "multi_thread")]
async fn every_setting_reaches_the_vendor() {
    let keys = [
        (
            "prompt_cache: off, betas: [b-1], server_tools: [{type: t_1, name: s}], extra_body: {seed: 7}",
            vec![("/seed", json!(7)), ("/tools/0/type", json!("t_1"))],
        ),
        (
            "server_tools: [{codeExecution: {}}], extra_body: {labels: {a: b}}",
            vec![
                ("/labels/a", json!("b")),
                ("/tools/0/codeExecution", json!({})),
            ],
        ),
        (
            "options: {min_p: 0.05}, keep_alive: 60, num_ctx: 4096, extra_body: {seed: 7}",
            vec![
                ("/options/min_p", json!(0.05)),
                ("/options/num_ctx", json!(4096)),
                ("/keep_alive", json!(60)),
                ("/seed", json!(7)),
            ],
        ),
        (
            "repeat_penalty: 1.5, extra_body: {seed: 7}",
            vec![("/repeat_penalty", json!(1.5)), ("/seed", json!(7))],
        ),
        (
            "history: stateless, search: [web_search], extra_body: {seed: 7}",
            vec![
                ("/store", json!(false)),
                ("/tools/0/type", json!("web_search")),
                ("/seed", json!(7)),
            ],
        ),
    ];
    for (vendor, (keys, expected)) in VENDORS.iter().zip(keys) {
        let kind = vendor.kind;
        let (base_url, asked) = serve(vendor).await;
        let home = Home::of(
            kind,
            "    tools: {include: []}\n",
            &format!(
                "  {kind}: {{model: m-1, base_url: '{base_url}', api_key: {{file: key}}, {keys}}}\n"
            ),
        );
        let agent = home.start().await;
        client::send(home.port, "1", "Hello?").await;
        let asked = asked.lock().unwrap();
        let (_, headers, body) = asked.iter().find(|(path, ..)| path == vendor.path).unwrap();
        for (place, value) in expected {
            assert_eq!(body.pointer(place), Some(&value), "{kind} {place}: {body}");
        }
        if kind == "anthropic" {
            assert!(headers["anthropic-beta"].to_str().unwrap().contains("b-1"));
            assert!(!body.to_string().contains("cache_control"), "{body}");
        }
        drop(agent);
    }
}

/// Whether the model is there is looked up where that was asked for, and nobody waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_looked_up_where_that_was_asked_for() {
    let vendor = &VENDORS[3];
    for (keys, wanted) in [("", false), (", verify_model_on_init: true", true)] {
        let (base_url, asked) = serve(vendor).await;
        let home = Home::of(
            "llm",
            "",
            &format!(
                "  llm: {{kind: openai-compat, model: m-1, base_url: '{base_url}', api_key: \
                 {{file: key}}{keys}}}\n"
            ),
        );
        let agent = home.start().await;
        let is_looked_up = || {
            let asked = asked.lock().unwrap();
            asked.iter().any(|(path, ..)| path == "/v1/models")
        };
        let looked_up = async {
            while wanted && !is_looked_up() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        support::within(looked_up).await;
        client::send(home.port, "1", "Hello?").await;
        assert_eq!(is_looked_up(), wanted);
        drop(agent);
    }
}
