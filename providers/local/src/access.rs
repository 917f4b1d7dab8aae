//! Reaches an agent of this host.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, BoxStream, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use rivetos_fleet::Secret;
use rivetos_fleet::model::{Kind, Life, ResourceId};
use rivetos_fleet::port::{AccessError, LogOptions};
use rivetos_protocol::{check_handshake, operator_handshake};

use crate::log_lines::Reader;
use crate::observe::life;
use crate::process::ProcessId;
use crate::record::{ProcessRecord, State};

/// The longest wait for a connection and for the answer to its first words.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// The agent's bearer token, in its folder.
const TOKEN_FILE: &str = "secret/agent_token";

/// The lines of an agent's log.
pub struct LogLines(BoxStream<'static, Result<String, AccessError>>);

impl Stream for LogLines {
    type Item = Result<String, AccessError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

pub(crate) async fn connect(home: &Path, node: &ResourceId) -> Result<TcpStream, AccessError> {
    let folder = folder_of(home, node)?;
    let record = ProcessRecord::read(&folder)
        .map_err(|error| unreachable(node, format!("its description cannot be read: {error}")))?
        .ok_or_else(|| AccessError::Absent(node.clone()))?;
    let state = State::read(&folder)
        .map_err(|error| unreachable(node, format!("its state cannot be read: {error}")))?;
    if life(state.as_ref()) != Life::Running {
        return Err(AccessError::NotRunning(node.clone()));
    }
    if let Some(cause) = state.as_ref().and_then(between_starts) {
        return Err(unreachable(node, cause));
    }
    let port = record
        .process
        .port
        .ok_or_else(|| unreachable(node, "it has no port".to_owned()))?;
    let token = read_token(&folder.join(TOKEN_FILE))
        .map_err(|error| unreachable(node, format!("its token cannot be read: {error}")))?;
    match timeout(CONNECT_MAX, open(port, &token)).await {
        Ok(opened) => opened.map_err(|error| unreachable(node, error.to_string())),
        Err(_) => Err(unreachable(
            node,
            format!("no answer within {} s", CONNECT_MAX.as_secs()),
        )),
    }
}

pub(crate) fn logs(
    home: &Path,
    node: &ResourceId,
    options: LogOptions,
) -> Result<LogLines, AccessError> {
    let folder = folder_of(home, node)?;
    if !folder.is_dir() {
        return Err(AccessError::Absent(node.clone()));
    }
    let reader = Reader::open(&folder, options)
        .map_err(|error| unreachable(node, format!("its log cannot be read: {error}")))?;
    let node = node.clone();
    Ok(LogLines(Box::pin(stream::try_unfold(
        reader,
        move |mut reader| {
            let node = node.clone();
            async move {
                let next = reader.next().await;
                let line = next
                    .map_err(|error| unreachable(&node, format!("its log broke off: {error}")))?;
                Ok(line.map(|line| (line, reader)))
            }
        },
    ))))
}

/// What there is to say of an agent that ended and is about to be started again.
fn between_starts(state: &State) -> Option<String> {
    if state.agent.is_some_and(ProcessId::is_alive) {
        return None;
    }
    let last_exit = state.last_exit.as_ref()?;
    Some(format!(
        "it {last_exit} and is started again in a moment, {} restarts so far",
        state.restarts
    ))
}

fn folder_of(home: &Path, node: &ResourceId) -> Result<PathBuf, AccessError> {
    if node.kind != Kind::Agent {
        return Err(AccessError::Absent(node.clone()));
    }
    Ok(home.join("agents").join(&node.name))
}

fn unreachable(node: &ResourceId, cause: String) -> AccessError {
    AccessError::Unreachable {
        node: node.clone(),
        cause,
    }
}

fn read_token(path: &Path) -> io::Result<Secret<String>> {
    let text = Secret::new(fs::read_to_string(path)?);
    Ok(Secret::new(text.expose().trim_end_matches('\n').to_owned()))
}

/// Connects and makes the connection the operator's.
async fn open(port: u16, token: &Secret<String>) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let words = Secret::new(operator_handshake(token.expose()));
    stream.write_all(words.expose().as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        // Byte by byte would be exact but slow; whatever follows the answer would be lost, but
        // an HTTP server does not speak before it is asked.
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match check_handshake(&answer).map_err(io::Error::other)? {
            None => {}
            Some(length) if length == answer.len() => return Ok(stream),
            Some(_) => return Err(io::Error::other("the agent spoke before it was asked")),
        }
    }
}
