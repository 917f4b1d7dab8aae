//! `shell`.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use std::{env, io};

use rivetos_types::settings;
use rivetos_types::tool::{Effect, Tool, ToolContext, ToolError, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::capture::Capture;
use crate::group::Group;

/// What runs the commands.
const SHELL: &str = "/bin/sh";

/// The path of commands where this process has none itself.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long output is awaited from processes that left the group and outlive the command.
const REST_TIMEOUT: Duration = Duration::from_millis(200);

/// Output is read in pieces of this many bytes.
const PIECE_BYTES: usize = 16 * 1024;

/// Whether this system has a shell. A `scratch` image has none; then the tool is to be left out.
pub fn available() -> bool {
    Path::new(SHELL).exists()
}

/// Runs a command line with `/bin/sh`.
#[derive(Debug, Clone)]
pub struct Shell {
    timeout: Duration,
}

impl Shell {
    /// The tool.
    pub fn new(settings: &settings::Shell) -> Self {
        Self {
            timeout: settings.timeout,
        }
    }
}

/// The arguments of [`Shell`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShellArgs {
    /// The command line, as for `sh -c`.
    pub command: String,
    /// The folder to run it in, relative to the workspace. Default: the workspace.
    pub cwd: Option<String>,
}

impl Tool for Shell {
    type Args = ShellArgs;

    fn name(&self) -> &'static str {
        "shell"
    }

    fn description(&self) -> &'static str {
        "Runs a command line in the workspace and returns what it printed, with its exit code last. \
         Nothing can be typed into it, and what it leaves running is ended."
    }

    fn effect(&self) -> Effect {
        Effect::Mutating
    }

    async fn call(&self, args: Self::Args, context: &ToolContext) -> Result<ToolOutput, ToolError> {
        let folder = folder(&context.workspace, args.cwd.as_deref())?;
        let mut running = Running::start(&args.command, &folder, context)
            .map_err(|error| ToolError::Fatal(format!("{SHELL} cannot be started: {error}")))?;
        let ended = timeout(self.timeout, running.wait()).await;
        running.group.kill();
        match ended {
            Ok(Ok(status)) => {
                running.rest().await;
                Ok(running.capture.finish(&note(status)).into())
            }
            Ok(Err(error)) => Err(ToolError::Fatal(format!("{SHELL} was lost: {error}"))),
            Err(_) => {
                let limit = self.timeout.as_secs_f64();
                let note = format!("[killed: it was not done after {limit} s]");
                Err(ToolError::ForModel(running.capture.finish(&note)))
            }
        }
    }
}

/// A command at work. Dropping it ends the whole process group.
struct Running {
    // First, so that the group is killed while its leader still holds its number.
    group: Group,
    child: Child,
    output: pipe::Receiver,
    capture: Capture,
}

impl Running {
    fn start(command: &str, folder: &Path, context: &ToolContext) -> io::Result<Self> {
        // One pipe for both streams keeps the order in which things were said.
        let (output, writer) = io::pipe()?;
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(output))?;
        // The command goes out of scope here, and with it our own writing ends of the pipe.
        let child = Command::new(SHELL)
            .arg("-c")
            .arg(command)
            .current_dir(folder)
            .env_clear()
            .envs(environment(&context.workspace))
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let capture = Capture::new(context.output_bytes_max);
        Ok(Self {
            group: Group::of(child.id()),
            child,
            output,
            capture,
        })
    }

    /// Collects output until the shell has ended.
    async fn wait(&mut self) -> io::Result<ExitStatus> {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            tokio::select! {
                read = self.output.read(&mut piece) => match read? {
                    0 => return self.child.wait().await,
                    length => self.capture.push(&piece[..length]),
                },
                status = self.child.wait() => return status,
            }
        }
    }

    /// Collects what is still in the pipe.
    async fn rest(&mut self) {
        let mut piece = vec![0; PIECE_BYTES];
        let read = async {
            while let Ok(length @ 1..) = self.output.read(&mut piece).await {
                self.capture.push(&piece[..length]);
            }
        };
        // Whoever left the group may hold the pipe for ever.
        let _ = timeout(REST_TIMEOUT, read).await;
    }
}

/// All that a command gets to know: nothing of the agent's own environment holds secrets then.
fn environment(workspace: &Path) -> [(&'static str, OsString); 4] {
    let inherited = |name, default: &str| env::var_os(name).unwrap_or_else(|| default.into());
    [
        ("PATH", inherited("PATH", DEFAULT_PATH)),
        ("LANG", inherited("LANG", "C.UTF-8")),
        ("HOME", workspace.into()),
        ("TERM", "dumb".into()),
    ]
}

fn folder(workspace: &Path, cwd: Option<&str>) -> Result<PathBuf, ToolError> {
    let base = workspace.canonicalize().map_err(|error| {
        ToolError::Fatal(format!("the workspace `{}`: {error}", workspace.display()))
    })?;
    let Some(cwd) = cwd else {
        return Ok(base);
    };
    let refuse = |why: &str| ToolError::ForModel(format!("the folder `{cwd}` {why}"));
    let real = base
        .join(cwd)
        .canonicalize()
        .map_err(|error| refuse(&error.to_string()))?;
    if !real.starts_with(&base) {
        return Err(refuse("is outside the workspace"));
    }
    if !real.is_dir() {
        return Err(refuse("is not a folder"));
    }
    Ok(real)
}

fn note(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("[exit code {code}]"),
        (None, Some(signal)) => format!("[killed by signal {signal}]"),
        (None, None) => "[ended]".to_owned(),
    }
}
