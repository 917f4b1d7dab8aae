//! The system's own `ssh`, as the person has set it up: keys, agents, jump hosts, known hosts.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, Join, join};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

/// How much of what `ssh` says is kept, in bytes.
const WORDS_MAX: u64 = 4096;

/// How long `ssh` may take to end after its stream did.
const END_MAX: Duration = Duration::from_secs(2);

/// What runs on the other side: the client there finds its engine as it always does.
const BRIDGE: [&str; 3] = ["docker", "system", "dial-stdio"];

/// Opens streams to the engine of one host.
pub(super) struct Ssh {
    pub(super) user: Option<String>,
    pub(super) host: String,
    pub(super) port: Option<u16>,
}

/// What a process of `ssh` says on the side.
pub(super) struct Words(JoinHandle<String>);

impl Ssh {
    pub(super) fn open(&self) -> io::Result<(Join<ChildStdout, ChildStdin>, Words)> {
        let mut command = Command::new("ssh");
        // Nobody can answer a question here.
        command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]);
        if let Some(user) = &self.user {
            command.args(["-l", user]);
        }
        if let Some(port) = self.port {
            command.args(["-p", &port.to_string()]);
        }
        let mut child = command
            .args(["--", &self.host])
            .args(BRIDGE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for us: what runs is finished first.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(side)) = pipes else {
            return Err(io::Error::other("ssh was started without its pipes"));
        };
        let words = tokio::spawn(async move {
            let mut kept = Vec::new();
            let mut side = side.take(WORDS_MAX);
            // What cannot be read is not said.
            let _ = side.read_to_end(&mut kept).await;
            let mut rest = side.into_inner();
            let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
            let _ = child.wait().await;
            String::from_utf8_lossy(&kept).trim().to_owned()
        });
        Ok((join(output, input), Words(words)))
    }
}

impl Words {
    /// What `ssh` said until it ended, if it ends.
    pub(super) async fn last(self) -> Option<String> {
        let said = tokio::time::timeout(END_MAX, self.0).await.ok()?.ok()?;
        (!said.is_empty()).then_some(said)
    }
}
