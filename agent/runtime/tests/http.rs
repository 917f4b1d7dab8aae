//! The listener and its own routes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "the other tests use the rest")]
mod support;

use rivetos_protocol::{AgentStatus, HealthReport};
use rivetos_runtime::http::{routes, serve};
use support::{Bench, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

async fn get(address: std::net::SocketAddr, path: &str, header: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn body_of(answer: &str) -> &str {
    answer.split("\r\n\r\n").nth(1).unwrap()
}

#[tokio::test]
async fn health_metrics_and_request_ids() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (close, closed) = oneshot::channel::<()>();
    let router = routes(bench.app.clone(), axum::Router::new());
    let served = tokio::spawn(serve(listener, router, async {
        let _ = closed.await;
    }));

    assert!(
        get(address, "/health/live", "")
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        get(address, "/health", "")
            .await
            .starts_with("HTTP/1.1 503"),
        "not told yet"
    );
    bench.app.listening();
    while bench.app.health().await.status != AgentStatus::Ready {
        tokio::task::yield_now().await;
    }
    let answer = get(address, "/health", "x-request-id: mine\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("x-request-id: mine\r\n"));
    let report: HealthReport = serde_json::from_str(body_of(&answer)).unwrap();
    assert_eq!(
        (report.agent.as_str(), report.uid.as_deref()),
        ("opus", Some("u1"))
    );
    let metrics = get(
        address,
        "/metrics",
        "x-request-id: not printable \u{e4}\r\n",
    )
    .await;
    assert!(metrics.contains("rivetos_open_turns 0") && !metrics.contains("not printable"));
    let json = get(address, "/metrics", "accept: application/json\r\n").await;
    let body: serde_json::Value = serde_json::from_str(body_of(&json)).unwrap();
    assert_eq!(body["rivetos_open_turns"]["values"][0]["value"], 0);
    assert!(
        get(address, "/nothing", "")
            .await
            .starts_with("HTTP/1.1 404")
    );

    close.send(()).unwrap();
    within(served).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
