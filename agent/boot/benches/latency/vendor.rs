//! A server that writes one chunk, waits until it was heard, and writes the next.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rivetos_types::secret::SecretRef;
use rivetos_types::settings::{
    Anthropic, AnthropicAccess, CompatApi, Google, History, Ollama, OpenAiCompat, PromptCache,
    ToolCalls, Xai,
};
use serde_json::Map;

/// Answers, and chunks of each.
pub(crate) const ROUNDS: usize = 10;
const CHUNKS: usize = 200;
/// Between two chunks, as between two words of a quick model.
const PAUSE: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Api {
    Messages,
    Gemini,
    Ollama,
    Chat,
    Responses,
}

impl Api {
    pub(crate) const ALL: [Self; 5] = [
        Self::Messages,
        Self::Gemini,
        Self::Ollama,
        Self::Chat,
        Self::Responses,
    ];

    fn content_type(self) -> &'static str {
        match self {
            Self::Ollama => "application/x-ndjson",
            Self::Messages | Self::Gemini | Self::Chat | Self::Responses => "text/event-stream",
        }
    }

    /// What begins an answer, a piece of it with a few words, and what ends it.
    fn answer(self) -> [&'static str; 3] {
        match self {
            Self::Messages => [
                "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
                "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a few words \"}}\n\n",
                "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            ],
            Self::Gemini => [
                ": begins\n\n",
                "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a few words \"}],\"role\":\"model\"},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":3}}\r\n\r\n",
                "data: {\"candidates\":[{\"finishReason\":\"STOP\",\"index\":0}]}\r\n\r\n",
            ],
            Self::Ollama => [
                "\n",
                "{\"model\":\"m\",\"created_at\":\"2026-11-22T10:00:00Z\",\"message\":{\"role\":\"assistant\",\"content\":\"a few words \"},\"done\":false}\n",
                "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n",
            ],
            Self::Chat => [
                ": begins\n\n",
                "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":0,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a few words \"},\"finish_reason\":null}]}\n\n",
                "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
            ],
            Self::Responses => [
                ": begins\n\n",
                "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"delta\":\"a few words \"}\n\n",
                "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\"}}\n\n",
            ],
        }
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// When each chunk was written.
    written: Mutex<Receiver<Instant>>,
    /// That it was heard.
    heard: Sender<()>,
}

impl Server {
    pub(crate) fn start(api: Api) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (write, written) = channel();
        let (heard, next) = channel();
        thread::spawn(move || {
            for socket in listener.incoming() {
                answer(api, socket.unwrap(), &write, &next);
            }
        });
        Self {
            address,
            written: Mutex::new(written),
            heard,
        }
    }

    /// The chunk came. Returns when it was written.
    pub(crate) fn heard(&self) -> Instant {
        let written = self.written.lock().unwrap().recv().unwrap();
        self.heard.send(()).unwrap();
        written
    }

    /// The same, if it was a chunk and not what begins or ends the answer.
    pub(crate) fn try_heard(&self) -> Option<Instant> {
        let written = self.written.lock().unwrap().try_recv().ok()?;
        self.heard.send(()).unwrap();
        Some(written)
    }
}

fn answer(api: Api, mut socket: TcpStream, write: &Sender<Instant>, next: &Receiver<()>) {
    socket.set_nodelay(true).unwrap();
    if !read_request(&mut socket) {
        return;
    }
    let [begin, piece, end] = api.answer();
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        api.content_type()
    );
    socket.write_all((head + &chunk(begin)).as_bytes()).unwrap();
    let piece = chunk(piece);
    for _ in 0..CHUNKS {
        thread::sleep(PAUSE);
        write.send(Instant::now()).unwrap();
        socket.write_all(piece.as_bytes()).unwrap();
        next.recv().unwrap();
    }
    thread::sleep(PAUSE);
    socket
        .write_all((chunk(end) + "0\r\n\r\n").as_bytes())
        .unwrap();
}

/// Whether there was one, head and body.
fn read_request(socket: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let bytes = socket.read(&mut buffer).unwrap();
        if bytes == 0 {
            return false;
        }
        request.extend_from_slice(&buffer[..bytes]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.split_once("content-length: ");
        let length = length.and_then(|(_, rest)| rest.lines().next()?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return true;
        }
    }
}

const LONG: Duration = Duration::from_secs(20);

fn key() -> SecretRef {
    SecretRef::Env("KEY".into())
}

pub(crate) fn anthropic(base_url: String) -> Anthropic {
    Anthropic {
        name: "test".into(),
        base_url,
        model: "m".into(),
        access: AnthropicAccess::Key(key()),
        max_tokens: None,
        temperature: None,
        top_p: None,
        prompt_cache: PromptCache::Off,
        server_tools: Vec::new(),
        betas: Vec::new(),
        extra_body: Map::new(),
        first_byte_timeout: LONG,
        idle_timeout: LONG,
    }
}

pub(crate) fn google(base_url: String) -> Google {
    Google {
        name: "test".into(),
        base_url,
        model: "m".into(),
        api_key: key(),
        max_tokens: None,
        temperature: None,
        top_p: None,
        server_tools: Vec::new(),
        extra_body: Map::new(),
        first_byte_timeout: LONG,
        idle_timeout: LONG,
    }
}

pub(crate) fn ollama(base_url: String) -> Ollama {
    Ollama {
        name: "test".into(),
        base_url,
        model: "m".into(),
        api_key: None,
        max_tokens: None,
        num_ctx: None,
        temperature: None,
        top_p: None,
        keep_alive: None,
        options: Map::new(),
        extra_body: Map::new(),
        first_byte_timeout: LONG,
        idle_timeout: LONG,
    }
}

pub(crate) fn compat(base_url: String) -> OpenAiCompat {
    OpenAiCompat {
        name: "test".into(),
        base_url,
        api: CompatApi::Chat,
        model: "m".into(),
        api_key: None,
        max_tokens: None,
        temperature: None,
        top_p: None,
        repeat_penalty: None,
        extra_body: Map::new(),
        first_byte_timeout: LONG,
        idle_timeout: LONG,
    }
}

pub(crate) fn xai(base_url: String) -> Xai {
    Xai {
        name: "test".into(),
        base_url,
        model: "m".into(),
        api_key: key(),
        max_tokens: None,
        temperature: None,
        top_p: None,
        history: History::Stateless,
        search: Vec::new(),
        tool_calls: ToolCalls::Parallel,
        extra_body: Map::new(),
        first_byte_timeout: LONG,
        idle_timeout: LONG,
    }
}
