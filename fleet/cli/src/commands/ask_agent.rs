//! What needs a plugin: the agent's program of this host does it, with the same arguments.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use thiserror::Error;

use crate::exit::Exit;
use crate::fleet::{locate, program};
use crate::output::{Edge, Failure, Format};
use crate::settings::Globals;

/// Exit code of the agent's program for usage errors and invalid configurations.
const USAGE: i32 = 64;

/// What Ctrl-C sends (POSIX).
const SIGINT: i32 = 2;

/// Why nobody was asked.
#[derive(Debug, Error)]
enum AskError {
    #[error("there is no `rivetos-agent` on this host, which talks to model providers")]
    NoProgram,
    #[error("the agent's program `{}` cannot be run", path.display())]
    NotRun { path: PathBuf, source: io::Error },
    #[error("the folder of the fleet's file cannot be found")]
    NoFolder(#[source] io::Error),
}

impl Edge for AskError {
    fn exit(&self) -> Exit {
        match self {
            Self::NoProgram => Exit::Usage,
            Self::NotRun { .. } | Self::NoFolder(_) => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoProgram => vec![
                "`rivetos build` makes it; `--agent-bin PATH` names it where it is elsewhere"
                    .into(),
            ],
            Self::NotRun { .. } | Self::NoFolder(_) => Vec::new(),
        }
    }
}

/// Runs the agent's program on the fleet's file. What it prints is the answer.
pub(crate) fn run(globals: &Globals, args: &[String]) -> Result<Exit, Failure> {
    let file = locate(globals.config.as_deref(), &globals.home)?.path;
    let file = std::path::absolute(file).map_err(AskError::NoFolder)?;
    let found = program(globals.agent_bin.as_deref())?;
    let path = found.ok_or(AskError::NoProgram)?.path;
    let mut command = Command::new(&path);
    command.args(args).arg("--config").arg(file);
    let has_output = args.first().is_some_and(|first| first == "provider");
    match globals.format {
        Format::Json if has_output => drop(command.args(["--output", "json"])),
        Format::Json | Format::Text => {}
    }
    // It says by itself what goes wrong; routine news of it are nobody's concern here.
    command.env("RIVETOS_LOG_LEVEL", "error");
    let status = command.status();
    let status = status.map_err(|source| AskError::NotRun { path, source })?;
    Ok(exit_of(status))
}

fn exit_of(status: ExitStatus) -> Exit {
    match status.code() {
        Some(0) => Exit::Ok,
        Some(USAGE) => Exit::Usage,
        // Ctrl-C goes to both programs.
        None if status.signal() == Some(SIGINT) => Exit::Interrupted,
        Some(_) | None => Exit::Failed,
    }
}
