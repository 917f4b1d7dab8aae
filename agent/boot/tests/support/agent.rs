//! A running `rivetos-agent`.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rivetos_protocol::MessageReply;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use super::fake::{Fake, KEY, MODEL};
use super::within;

pub(crate) const TOKEN: &str = "token-0815";
const PROGRAM: &str = env!("CARGO_BIN_EXE_rivetos-agent");

/// The folder of an agent, over the life of several processes.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    pub(crate) port: u16,
}

impl Home {
    /// A home whose agent asks `fake`.
    pub(crate) fn new(fake: &Fake) -> Self {
        Self::with(fake, "", "")
    }

    /// A home whose agent asks `fake`; with more lines for the agent and for its provider.
    pub(crate) fn with(fake: &Fake, agent: &str, provider: &str) -> Self {
        let provider = format!(
            "  fake:\n    kind: openai-compat\n    model: {MODEL}\n    base_url: {}\n    \
             api_key: {{file: key}}\n{provider}",
            fake.base_url
        );
        Self::of("fake", agent, &provider)
    }

    /// A home whose agent asks the built-in stand-in.
    pub(crate) fn rehearsing() -> Self {
        Self::of("rehearsal", "", "  rehearsal: {}\n")
    }

    /// A home whose agent asks the provider `name`; with the lines of all providers.
    pub(crate) fn of(name: &str, agent: &str, provider: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let config = format!(
            "runtime:\n  workspace: work\nagents:\n  opus:\n    provider: {name}\n{agent}\
             providers:\n{provider}channels:\n  agent:\n    port: {port}\n    secret: {{file: token}}\n\
             memory:\n  sqlite:\n    path: data/store.db\n"
        );
        let home = Self { folder, port };
        std::fs::write(home.config(), config).unwrap();
        std::fs::write(home.path("key"), format!("{KEY}\n")).unwrap();
        std::fs::write(home.path("token"), format!("{TOKEN}\n")).unwrap();
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("rivet.config.yaml")
    }

    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg(name).arg("--config").arg(self.config());
        command
    }

    /// A process of this home, listening.
    pub(crate) async fn start(&self) -> Agent {
        self.start_at(self.port).await
    }

    /// A process of this home, listening on another port.
    pub(crate) async fn start_at(&self, port: u16) -> Agent {
        let mut command = self.command("run");
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        Self::spawn(command).await
    }

    /// A process of this home with variables of its own.
    pub(crate) async fn start_with(&self, variables: &[(&str, &str)]) -> Agent {
        let mut command = self.command("run");
        command.envs(variables.iter().copied());
        Self::spawn(command).await
    }

    async fn spawn(mut command: Command) -> Agent {
        let mut child = command
            .args(["--uid", "u1"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut agent = Agent { child, log };
        agent.logged("listening").await;
        agent
    }

    /// The answer to a command of the owner, who is on the same machine.
    pub(crate) async fn order(&self, id: &str, text: &str) -> MessageReply {
        let mut bridge = self
            .command("connect")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let body = json!({"id": id, "fromAgent": "operator", "message": text,
            "conversationId": "c"})
        .to_string();
        let request = format!(
            "POST /api/message HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut input = bridge.stdin.take().unwrap();
        input.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within(bridge.stdout.take().unwrap().read_to_string(&mut answer))
            .await
            .unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}

/// Free now; nobody listens on it when the agent takes it.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The process.
pub(crate) struct Agent {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Agent {
    /// Returns the next line of the log that contains `text`.
    pub(crate) async fn logged(&mut self, text: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match within(self.log.next_line()).await.unwrap() {
                Some(line) if line.contains(text) => return line,
                Some(line) => seen.push(line),
                None => panic!("the log ended without `{text}`:\n{}", seen.join("\n")),
            }
        }
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) fn terminate(&self) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    }

    pub(crate) async fn ended(mut self) -> ExitStatus {
        within(self.child.wait()).await.unwrap()
    }
}

/// A pipe of the file system, with which a command waits for the test.
pub(crate) fn make_fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo")
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

/// Returns, with the writing end, when somebody reads `path`.
pub(crate) async fn read_by_somebody(path: PathBuf) -> std::fs::File {
    let open = move || std::fs::OpenOptions::new().write(true).open(path).unwrap();
    within(tokio::task::spawn_blocking(open)).await.unwrap()
}
