//! What a codec adds to the time that a chunk takes from the vendor's socket to the agent.
//!
//! ```text
//! cargo bench -p rivetos-agent --bench latency
//! ```
//!
//! A server on loopback writes one chunk at a time and waits until it was heard. The time is taken
//! from before the write to the event; from it goes the time that the same bytes take to a bare
//! connection, which is that of the kernel and of waking up.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and prints a table"
)]

#[path = "latency/vendor.rs"]
mod vendor;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rivetos_http::Http;
use rivetos_model_anthropic::Anthropic;
use rivetos_model_google::Google;
use rivetos_model_ollama::Ollama;
use rivetos_model_openai_compat::OpenAiCompat;
use rivetos_model_xai::Xai;
use rivetos_types::message::Message;
use rivetos_types::model::{ModelProvider, ModelRequest, StreamEvent};
use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vendor::{Api, Server};

struct Key;

impl SecretResolver for Key {
    fn resolve(&self, _secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        Ok(Secret::new("key".to_owned()))
    }
}

fn request() -> ModelRequest {
    ModelRequest {
        system: "be brief".into(),
        messages: vec![Message::user("hi")].into(),
        images: std::collections::BTreeMap::new(),
        tools: [].into(),
        model: None,
        thinking: None,
    }
}

/// Times from before a chunk was written to its event.
async fn events(provider: &dyn ModelProvider, server: &Server) -> Vec<Duration> {
    let mut stream = provider.stream(request());
    let mut times = Vec::new();
    while let Some(event) = stream.next().await {
        match event.unwrap() {
            StreamEvent::Text(_) => {
                let heard = Instant::now();
                times.push(heard - server.heard());
            }
            StreamEvent::Done { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    times
}

/// The same bytes, and nobody who reads them.
async fn bare(server: &Server) -> Vec<Duration> {
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let post = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    socket.write_all(post.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 64 * 1024];
    let mut times = Vec::new();
    loop {
        let bytes = socket.read(&mut buffer).await.unwrap();
        let heard = Instant::now();
        if bytes == 0 || buffer[..bytes].ends_with(b"0\r\n\r\n") {
            return times;
        }
        if let Some(written) = server.try_heard() {
            times.push(heard - written);
        }
    }
}

fn at(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times[times.len() * percent / 100].as_secs_f64() * 1e6
}

#[tokio::main]
async fn main() {
    println!("| API | bare, median µs | event, median µs | added | bare, p99 | event, p99 |");
    println!("|---|---|---|---|---|---|");
    for api in Api::ALL {
        let server = Server::start(api);
        let http = Http::new();
        let url = format!("http://{}", server.address);
        let key: Arc<dyn SecretResolver> = Arc::new(Key);
        let provider: Box<dyn ModelProvider> = match api {
            Api::Messages => Box::new(Anthropic::new(vendor::anthropic(url), key, http)),
            Api::Gemini => Box::new(Google::new(vendor::google(url), key, http)),
            Api::Ollama => Box::new(Ollama::new(vendor::ollama(url), key, http)),
            Api::Chat => Box::new(OpenAiCompat::new(vendor::compat(url), key, http)),
            Api::Responses => Box::new(Xai::new(vendor::xai(url), key, http)),
        };
        let (mut without, mut with) = (Vec::new(), Vec::new());
        // In turns: the machine is not equally busy all the time.
        for _ in 0..vendor::ROUNDS {
            without.extend(bare(&server).await);
            with.extend(events(&*provider, &server).await);
        }
        let (before, after) = (at(&mut without, 50), at(&mut with, 50));
        println!(
            "| {api:?} | {before:.0} | {after:.0} | {:.0} | {:.0} | {:.0} |",
            after - before,
            at(&mut without, 99),
            at(&mut with, 99)
        );
    }
}
