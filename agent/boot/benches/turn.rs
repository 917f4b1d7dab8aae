//! What an agent costs: time per turn, memory, start, size.
//!
//! ```text
//! cargo bench -p rivetos-agent --bench turn
//! RIVETOS_AGENT_BIN=PATH cargo bench -p rivetos-agent --bench turn     # another build of it
//! ```
//!
//! The program is the real one, as a process of its own. The model is an endpoint in this process
//! that answers at once. Each turn is one `POST /api/message` on a kept connection, one after the
//! other, durable as always: two of its writes wait for the disk, whose own time is measured
//! beside it in the same folder.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and prints a table"
)]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header;
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

const TURNS: usize = 1000;
/// Turns before, until what is kept is full.
const WARM_UP_TURNS: usize = 1000;
/// Turns of one conversation: each sends the whole history along.
const SESSION_TURNS: usize = 20;
const STARTS: usize = 20;
const SYNCS: usize = 300;

/// A whole answer of a model, as vendors stream it.
const ANSWER: &str = concat!(
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",",
    "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Good day.\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",",
    "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
);

#[tokio::main]
async fn main() {
    let endpoint = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint_port = endpoint.local_addr().unwrap().port();
    let answer = || async { ([(header::CONTENT_TYPE, "text/event-stream")], ANSWER) };
    let app = Router::new().route("/v1/chat/completions", post(answer));
    tokio::spawn(async move { axum::serve(endpoint, app).await });

    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path(), endpoint_port);
    let program = home.program.clone();
    row("program", &program.display().to_string());
    row("size", &mib(std::fs::metadata(&program).unwrap().len()));

    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let agent = home.start();
        agent.ready().await;
        starts.push(begun.elapsed());
    }
    row("start to ready", &spread(&mut starts));

    let agent = home.start();
    agent.ready().await;
    row("memory when idle (VmRSS)", &mib(agent.memory("VmRSS:")));
    row(
        "  of it anonymous (RssAnon)",
        &mib(agent.memory("RssAnon:")),
    );

    let mut model = connect(endpoint_port).await;
    let mut direct = Vec::new();
    for _ in 0..TURNS {
        let request = Request::post("/v1/chat/completions").header("host", "m");
        direct.push(timed(&mut model, request.body(Full::from("{}")).unwrap()).await);
    }
    let mut syncs = sync_times(folder.path());

    let mut client = connect(home.port).await;
    let mut turns = Vec::new();
    for number in 0..WARM_UP_TURNS {
        timed(&mut client, message(number)).await;
    }
    let first = agent.memory("VmRSS:");
    for number in WARM_UP_TURNS..WARM_UP_TURNS + TURNS {
        turns.push(timed(&mut client, message(number)).await);
    }
    row("one request to the endpoint alone", &spread(&mut direct));
    row("one write and fsync alone", &spread(&mut syncs));
    row("one durable turn", &spread(&mut turns));
    let last = agent.memory("VmRSS:");
    row("memory after 1000 turns", &mib(first));
    row("memory after 2000 turns", &mib(last));
    let growth = last.saturating_sub(first) / u64::try_from(TURNS).unwrap();
    row("growth per turn", &format!("{growth} B"));
}

struct Home {
    program: PathBuf,
    config: PathBuf,
    port: u16,
}

impl Home {
    fn new(folder: &Path, endpoint_port: u16) -> Self {
        let program = std::env::var_os("RIVETOS_AGENT_BIN").map_or_else(
            || PathBuf::from(env!("CARGO_BIN_EXE_rivetos-agent")),
            PathBuf::from,
        );
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        let config = folder.join("rivet.config.yaml");
        let text = format!(
            "runtime:\n  workspace: work\nagents:\n  opus:\n    provider: here\nproviders:\n  \
             here:\n    kind: openai-compat\n    model: m\n    base_url: \
             http://127.0.0.1:{endpoint_port}/v1\nchannels:\n  agent:\n    port: {port}\n    \
             secret: {{file: token}}\nmemory:\n  sqlite:\n    path: store.db\n"
        );
        std::fs::write(&config, text).unwrap();
        std::fs::write(folder.join("token"), "token").unwrap();
        Self {
            program,
            config,
            port,
        }
    }

    fn start(&self) -> Agent {
        let mut command = Command::new(&self.program);
        command
            .arg("run")
            .arg("--config")
            .arg(&self.config)
            .env("RIVETOS_LOG_LEVEL", "warn");
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        Agent {
            child,
            port: self.port,
        }
    }
}

struct Agent {
    child: Child,
    port: u16,
}

impl Agent {
    async fn ready(&self) {
        for _ in 0..20_000 {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)).await {
                let mut sender = handshake(stream).await;
                let request = Request::get("/health").header("host", "a");
                let response = sender
                    .send_request(request.body(Full::default()).unwrap())
                    .await;
                if response.is_ok_and(|response| response.status() == StatusCode::OK) {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        panic!("the agent is not ready");
    }

    /// Bytes, by a name of `/proc/PID/status`.
    fn memory(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib * 1024
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // The next one needs the port.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn connect(port: u16) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    handshake(stream).await
}

async fn handshake(stream: TcpStream) -> SendRequest<Full<Bytes>> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn message(number: usize) -> Request<Full<Bytes>> {
    let body = format!(
        r#"{{"id":"{number}","fromAgent":"bench","message":"How do you do?","conversationId":"{}"}}"#,
        number / SESSION_TURNS
    );
    Request::post("/api/message")
        .header("host", "a")
        .header("authorization", "Bearer token")
        .header("content-type", "application/json")
        .body(Full::from(body))
        .unwrap()
}

async fn timed(sender: &mut SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Duration {
    let begun = Instant::now();
    sender.ready().await.unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body().collect().await.unwrap();
    begun.elapsed()
}

/// What the disk needs, for writes like those of the store.
fn sync_times(folder: &Path) -> Vec<Duration> {
    let mut file = File::create(folder.join("sync")).unwrap();
    let page = [7_u8; 4096];
    (0..SYNCS)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(&page).unwrap();
            file.sync_data().unwrap();
            begun.elapsed()
        })
        .collect()
}

fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    let (best, median, most) = (at(5), at(50), at(95));
    format!(
        "median {median:.2} ms (5 % {best:.2}, 95 % {most:.2}, {} times)",
        times.len()
    )
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52 bytes")]
fn mib(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

fn row(name: &str, value: &str) {
    println!("{name:<36}{value}");
}
