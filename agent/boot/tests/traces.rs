//! The real program and a collector of traces.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use support::agent::Home;
use support::fake::Fake;
use support::{client, within};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A server that takes what is posted to `/v1/traces`, with what it took.
async fn collector() -> (SocketAddr, UnboundedReceiver<(HeaderMap, Bytes)>) {
    let (took, taken) = unbounded_channel();
    let take = move |headers: HeaderMap, body: Bytes| {
        let sent = took.send((headers, body));
        async move {
            assert!(sent.is_ok());
            (StatusCode::OK, "{}")
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/v1/traces", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, taken)
}

fn write_telemetry(home: &Home, address: SocketAddr) {
    let config = std::fs::read_to_string(home.config()).unwrap();
    let telemetry = format!(
        "telemetry: {{otlp: {{endpoint: 'http://{address}', headers: {{file: headers}}}}}}"
    );
    std::fs::write(home.config(), format!("{config}{telemetry}\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_the_turn_with_its_headers() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    let (address, mut taken) = collector().await;
    write_telemetry(&home, address);
    let headers = "Authorization=Basic Y2FuYXJ5, x-team=blue\n";
    std::fs::write(home.path("headers"), headers).unwrap();
    let agent = home.start().await;
    client::post(home.port, "1", "canary-words").await;
    fake.asked().await.say("Hello.").done("stop");
    client::send(home.port, "1", "again").await;

    let (headers, body) = within(taken.recv()).await.unwrap();
    assert_eq!(headers["authorization"], "Basic Y2FuYXJ5");
    assert_eq!(headers["x-team"], "blue");
    assert_eq!(headers["content-type"], "application/json");
    let text = std::str::from_utf8(&body).unwrap();
    assert!(!text.contains("canary") && !text.contains("Y2Fu"), "{text}");
    let request: Value = serde_json::from_str(text).unwrap();
    let resource = &request["resourceSpans"][0];
    let name = &resource["resource"]["attributes"][0];
    assert_eq!(name["key"], "service.name");
    assert_eq!(name["value"]["stringValue"], "rivetos-agent");
    let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
    let names: Vec<_> = spans.iter().map(|span| span["name"].as_str()).collect();
    assert!(names[0].unwrap().starts_with("chat "), "{names:?}");
    assert_eq!(names[1], Some("turn"));
    let [chat, turn] = spans.as_slice() else {
        panic!("{names:?}")
    };
    assert_eq!(chat["parentSpanId"], turn["spanId"]);
    assert_eq!(chat["traceId"], turn["traceId"]);
    assert_eq!(turn["traceId"].as_str().unwrap().len(), 32);
    assert_eq!(turn["spanId"].as_str().unwrap().len(), 16);
    let nanos: u64 = turn["startTimeUnixNano"].as_str().unwrap().parse().unwrap();
    assert!(nanos > 1_700_000_000_000_000_000);
    fake.all_was_well().await;
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_with_broken_headers_says_which_and_not_what() {
    let fake = Fake::start().await;
    let home = Home::new(&fake);
    write_telemetry(&home, ([127, 0, 0, 1], 9).into());
    std::fs::write(home.path("headers"), "x-team=blue,canary\n").unwrap();
    let output = within(home.command("run").output()).await.unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("number 2 is not"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}
