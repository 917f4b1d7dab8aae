//! HTTP over streams that bollard does not open by itself.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::ssh::{Ssh, Words};
use super::tls::Tls;

/// How many streams are kept for the next request.
const IDLE_MAX: usize = 8;

/// How streams to an engine are opened.
pub(super) enum Dial {
    Tls(Box<Tls>),
    Ssh(Ssh),
}

/// A client of the engine that `dial` reaches.
pub(super) fn client(dial: Dial, timeout_s: u64) -> Result<Docker, Error> {
    let line = Arc::new(Line {
        dial,
        idle: Mutex::new(Vec::new()),
    });
    let send = move |request: BollardRequest| {
        let line = Arc::clone(&line);
        async move { line.send(request).await }
    };
    // The name is never looked up: the streams know where they lead.
    Docker::connect_with_custom_transport(
        send,
        Some("http://engine"),
        timeout_s,
        API_DEFAULT_VERSION,
    )
}

/// The streams to one engine. Each carries one request at a time and is used again.
struct Line<B> {
    dial: Dial,
    idle: Mutex<Vec<SendRequest<B>>>,
}

impl<B> Line<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    async fn send(self: Arc<Self>, mut request: Request<B>) -> Result<Response<Incoming>, Error> {
        // What a stream leads to stands in a header; the request line has the path alone.
        if let Some(path) = request.uri().path_and_query().cloned() {
            *request.uri_mut() = Uri::from(path);
        }
        let host = HeaderValue::from_static("engine");
        request.headers_mut().insert(HOST, host);
        let (mut sender, words) = match self.take_idle() {
            Some(sender) => (sender, None),
            None => self.open().await?,
        };
        match sender.send_request(request).await {
            Ok(response) => {
                self.keep(sender);
                Ok(response)
            }
            Err(error) => Err(explained(error.into(), words).await),
        }
    }

    async fn open(&self) -> Result<(SendRequest<B>, Option<Words>), Error> {
        match &self.dial {
            Dial::Tls(tls) => Ok((greet(tls.open().await?).await?, None)),
            Dial::Ssh(ssh) => {
                let (stream, words) = ssh.open().map_err(|error| {
                    io::Error::new(error.kind(), format!("ssh does not start: {error}"))
                })?;
                match greet(stream).await {
                    Ok(sender) => Ok((sender, Some(words))),
                    Err(error) => Err(explained(error, Some(words)).await),
                }
            }
        }
    }

    fn take_idle(&self) -> Option<SendRequest<B>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|sender| !sender.is_closed());
        idle.pop()
    }

    /// Keeps the stream once the answer was read to its end; one that became something else ends.
    fn keep(self: Arc<Self>, mut sender: SendRequest<B>) {
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                if idle.len() < IDLE_MAX {
                    idle.push(sender);
                }
            }
        });
    }
}

async fn greet<S, B>(stream: S) -> Result<SendRequest<B>, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // Whoever waits for an answer learns of the error.
        let _ = connection.with_upgrades().await;
    });
    Ok(sender)
}

/// What `ssh` said explains more than that its stream ended.
async fn explained(error: Error, words: Option<Words>) -> Error {
    let Some(words) = words else { return error };
    match words.last().await {
        Some(said) => io::Error::other(said).into(),
        None => error,
    }
}
