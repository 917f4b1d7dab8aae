//! An application that a test plays, and a plain HTTP client.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use futures_util::stream;
use rivetos_channel_agent::AgentChannel;
use rivetos_types::id::{ChannelId, SessionId, TurnId};
use rivetos_types::intake::{Intake, IntakeError, KeepError, Submitted, TurnEvent};
use rivetos_types::media::{Attachment, FileDigest, MediaType, SentFile};
use rivetos_types::message::{InboundMessage, OutboundMessage, TokenUsage, TurnOutcome, text_of};
use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};
use rivetos_types::{BoxFuture, BoxStream, settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// Turns that the test drives: what it sends for a turn is what its followers see.
#[derive(Default)]
pub(crate) struct Stage {
    turns: Mutex<BTreeMap<TurnId, Option<mpsc::UnboundedReceiver<TurnEvent>>>>,
    actors: Mutex<BTreeMap<TurnId, mpsc::UnboundedSender<TurnEvent>>>,
    pub(crate) taken: watch::Sender<Vec<InboundMessage>>,
    pub(crate) settled: watch::Sender<Vec<TurnId>>,
    pub(crate) refuse: Mutex<Option<IntakeError>>,
}

impl Stage {
    pub(crate) fn play(&self, id: &str, event: TurnEvent) {
        let turn = TurnId(format!("http/{id}"));
        self.actors.lock().unwrap()[&turn].send(event).unwrap();
    }

    pub(crate) async fn taken(&self, count: usize) -> Vec<InboundMessage> {
        let mut taken = self.taken.subscribe();
        taken
            .wait_for(|taken| taken.len() >= count)
            .await
            .unwrap()
            .clone()
    }

    pub(crate) async fn settled(&self, count: usize) -> Vec<TurnId> {
        let mut settled = self.settled.subscribe();
        settled
            .wait_for(|settled| settled.len() >= count)
            .await
            .unwrap()
            .clone()
    }

    /// Waits until nobody follows a turn any more.
    pub(crate) async fn left(&self, id: &str) {
        let turn = TurnId(format!("http/{id}"));
        let actor = self.actors.lock().unwrap()[&turn].clone();
        actor.closed().await;
    }
}

pub(crate) fn finished(id: &str, outcome: TurnOutcome) -> TurnEvent {
    TurnEvent::Finished {
        reply: OutboundMessage {
            files: Vec::new(),
            turn: TurnId(format!("http/{id}")),
            channel: ChannelId::from("http"),
            session: SessionId::from("http:test"),
            address: None,
            text: format!("answer to {id}"),
            outcome,
            usage: TokenUsage {
                input: 3,
                output: 4,
                ..TokenUsage::default()
            },
        },
    }
}

impl Intake for Stage {
    fn keep(
        &self,
        session: SessionId,
        files: Vec<SentFile>,
    ) -> BoxFuture<'_, Result<Vec<Attachment>, KeepError>> {
        let kept = |file: SentFile| {
            let path = format!("{session}/{}", file.name);
            let digest = FileDigest(file.name.clone());
            match MediaType::of(&file.content) {
                Some(media) => Ok(Attachment::new(&file, media, digest, path)),
                None => Err(KeepError::Kind { name: file.name }),
            }
        };
        Box::pin(std::future::ready(files.into_iter().map(kept).collect()))
    }

    fn submit(&self, message: InboundMessage) -> BoxFuture<'_, Result<Submitted, IntakeError>> {
        let refuse = self.refuse.lock().unwrap().clone();
        let text = text_of(&message.content);
        let turn = message.turn();
        if refuse.is_none() && !text.starts_with('/') {
            self.turns
                .lock()
                .unwrap()
                .entry(turn.clone())
                .or_insert_with(|| {
                    let (actor, events) = mpsc::unbounded_channel();
                    self.actors.lock().unwrap().insert(turn.clone(), actor);
                    Some(events)
                });
        }
        self.taken.send_modify(|taken| taken.push(message));
        Box::pin(async move {
            match refuse {
                Some(error) => Err(error),
                None if text.starts_with('/') => Ok(Submitted::Command(format!("did {text}"))),
                None => Ok(Submitted::Turn(turn)),
            }
        })
    }

    fn attach(&self, turn: TurnId) -> BoxFuture<'_, Option<BoxStream<'static, TurnEvent>>> {
        let events = self
            .turns
            .lock()
            .unwrap()
            .get_mut(&turn)
            .and_then(Option::take);
        Box::pin(async move {
            let events = stream::unfold(events?, |mut events| async {
                Some((events.recv().await?, events))
            });
            Some(Box::pin(events) as BoxStream<'static, TurnEvent>)
        })
    }

    fn file(&self, turn: TurnId, index: usize) -> BoxFuture<'_, Option<(Attachment, Vec<u8>)>> {
        let known = (turn == TurnId("http/1".into()) && index == 1).then(|| {
            let file = SentFile {
                name: "a.txt".into(),
                content: b"<b>".to_vec(),
            };
            let digest = FileDigest("d".into());
            let sent = Attachment::new(&file, MediaType::Text, digest, "a.txt".into());
            (sent, file.content)
        });
        Box::pin(std::future::ready(known))
    }

    fn settle(&self, turn: TurnId) -> BoxFuture<'_, ()> {
        self.settled.send_modify(|settled| settled.push(turn));
        Box::pin(async {})
    }
}

/// A token that the test may change or take away.
pub(crate) struct Token(pub(crate) Mutex<Option<&'static str>>);

impl SecretResolver for Token {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        let token = *self.0.lock().unwrap();
        token
            .map(Secret::from)
            .ok_or_else(|| SecretError::Missing(secret.clone()))
    }
}

pub(crate) struct World {
    pub(crate) stage: Arc<Stage>,
    pub(crate) token: Arc<Token>,
    pub(crate) address: SocketAddr,
}

pub(crate) async fn world() -> World {
    let stage = Arc::new(Stage::default());
    let token = Arc::new(Token(Mutex::new(Some("t0ken"))));
    let settings = settings::AgentChannel {
        agent: "opus".into(),
        bearer: SecretRef::Env("TOKEN".into()),
        wait: std::time::Duration::from_mins(1),
    };
    let channel = AgentChannel::new(Arc::clone(&stage) as _, Arc::clone(&token) as _, settings);
    let health = Router::new().route("/health", axum::routing::get(|| async { "fine" }));
    let drain = Router::new().route("/api/drain", axum::routing::post(|| async { "drained" }));
    let app = channel.with_operator(health.merge(channel.routes()), drain);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    World {
        stage,
        token,
        address,
    }
}

/// The text of a request.
pub(crate) fn post(headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /api/message HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

pub(crate) const BEARER: &str = "Authorization: Bearer t0ken\r\n";
pub(crate) const STREAM: &str = "Authorization: Bearer t0ken\r\nAccept: text/event-stream\r\n";

impl World {
    pub(crate) async fn open(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Sends a request and reads to the end; the status and all that came.
    pub(crate) async fn ask(&self, request: &str) -> (u16, String) {
        let request = request.replacen("Host: x\r\n", "Host: x\r\nConnection: close\r\n", 1);
        answer(self.open(&request).await).await
    }
}

pub(crate) async fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text)
}

/// Reads until `wanted` has come.
pub(crate) async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains(wanted) {
        let length = stream.read_buf(&mut text).await.unwrap();
        assert!(length > 0, "the connection ended before {wanted:?}");
    }
    String::from_utf8(text).unwrap()
}
