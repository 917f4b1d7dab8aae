//! Stands between a provider and the engine, and is cut when enough was changed: what the provider
//! sees then is what is left of a killed process.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};

/// The most that is read of the head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A socket that passes everything on until it is cut.
pub(crate) struct Proxy {
    folder: tempfile::TempDir,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// What was changed, as `POST /containers/x/stop`.
    changes: Vec<String>,
    /// After how many changes the answer is lost and nothing passes any more.
    cut_after: Option<usize>,
}

/// What becomes of a request.
enum Fate {
    Passes,
    /// It is done, and nobody hears of it.
    LosesItsAnswer,
    Dropped,
}

impl Proxy {
    /// In front of the engine at `host` (`unix://…`).
    pub(crate) fn before(host: &str) -> Self {
        let engine = PathBuf::from(host.strip_prefix("unix://").unwrap());
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("engine.sock")).unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let passing = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (engine, state) = (engine.clone(), Arc::clone(&passing));
                tokio::spawn(async move {
                    // Either side may hang up at any moment.
                    let _ = pass(client, engine, state).await;
                });
            }
        });
        Self { folder, state }
    }

    pub(crate) fn host(&self) -> String {
        format!(
            "unix://{}",
            self.folder.path().join("engine.sock").display()
        )
    }

    /// From now on: cut as soon as so many changes were made.
    pub(crate) fn cut_after(&self, changes: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.changes.clear();
        state.cut_after = Some(changes);
    }

    /// What was changed since it was told when to be cut.
    pub(crate) fn changes(&self) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.changes.clone()
    }
}

impl State {
    fn judge(&mut self, request: &str) -> Fate {
        if self.cut_after.is_some_and(|max| self.changes.len() >= max) {
            return Fate::Dropped;
        }
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        // Programs in containers ask and do not change.
        let changes = matches!(method, "POST" | "PUT" | "DELETE") && !path.contains("exec");
        if !changes {
            return Fate::Passes;
        }
        let path = path.split('?').next().unwrap();
        let path = path
            .trim_start_matches("/v")
            .trim_start_matches(|c: char| c != '/');
        self.changes.push(format!("{method} {path}"));
        if self.cut_after == Some(self.changes.len()) {
            Fate::LosesItsAnswer
        } else {
            Fate::Passes
        }
    }
}

/// Passes one request on. The engine is told to close the connection after it, so that each request
/// comes over a connection of its own.
async fn pass(mut client: UnixStream, engine: PathBuf, state: Arc<Mutex<State>>) -> io::Result<()> {
    let (head, rest) = read_head(&mut client).await?;
    let fate = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.judge(head.lines().next().unwrap_or_default())
    };
    if matches!(fate, Fate::Dropped) {
        return Ok(());
    }
    let mut engine = UnixStream::connect(engine).await?;
    let upgrades = head.to_ascii_lowercase().contains("\r\nupgrade:");
    let close = if upgrades {
        ""
    } else {
        "\r\nConnection: close"
    };
    engine
        .write_all(format!("{head}{close}\r\n\r\n").as_bytes())
        .await?;
    engine.write_all(&rest).await?;
    match fate {
        Fate::Passes => copy_bidirectional(&mut client, &mut engine)
            .await
            .map(|_| ()),
        Fate::Dropped => Ok(()),
        Fate::LosesItsAnswer => {
            let (mut from_client, _gone) = client.into_split();
            let (mut answer, mut to_engine) = engine.into_split();
            let sent =
                tokio::spawn(
                    async move { tokio::io::copy(&mut from_client, &mut to_engine).await },
                );
            tokio::io::copy(&mut answer, &mut tokio::io::sink()).await?;
            sent.abort();
            Ok(())
        }
    }
}

/// The head of a request without its closing empty line, and what came after it.
async fn read_head(client: &mut UnixStream) -> io::Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = client.read(&mut chunk).await?;
        if count == 0 || read.len() > HEAD_BYTES_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read.extend_from_slice(&chunk[..count]);
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            read.truncate(end);
            let head = String::from_utf8(read).map_err(io::Error::other)?;
            return Ok((head, rest));
        }
    }
}
