//! Compiles the agent: one static program.

use std::env;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use serde::Deserialize;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::Source;
use crate::exit::Exit;
use crate::output::Edge;

const PROGRAM: &str = "rivetos-agent";

/// Why there is no program.
#[derive(Debug, Error)]
pub(crate) enum CompileError {
    /// Cargo is not there.
    #[error("`{program}` cannot be run")]
    NoCargo {
        /// What was run.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// Cargo ended with an error, which it has shown.
    #[error("the agent does not compile")]
    Failed,
}

impl Edge for CompileError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoCargo { .. } => vec!["install Rust from https://rustup.rs".into()],
            Self::Failed => {
                vec!["a C compiler is needed too: `apt install build-essential`".into()]
            }
        }
    }
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    executable: Option<PathBuf>,
}

/// Compiles the agent of `source` for this machine's architecture and returns where it is. What
/// the compiler says goes to standard error.
pub(crate) async fn compile(source: &Source) -> Result<PathBuf, CompileError> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let target = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let no_cargo = |source| CompileError::NoCargo {
        program: cargo.clone(),
        source,
    };
    let mut child = Command::new(&cargo)
        .args([
            "build",
            "--profile",
            "agent",
            "--package",
            PROGRAM,
            "--bin",
            PROGRAM,
        ])
        .args([
            "--target",
            &target,
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(&source.root)
        // With a target named, these reach the program and no build script.
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(no_cargo)?;
    let mut program = None;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await.map_err(no_cargo)? {
            if let Ok(Message {
                executable: Some(path),
            }) = serde_json::from_str(&line)
            {
                program = Some(path);
            }
        }
    }
    let status = child.wait().await.map_err(no_cargo)?;
    program
        .filter(|_| status.success())
        .ok_or(CompileError::Failed)
}
