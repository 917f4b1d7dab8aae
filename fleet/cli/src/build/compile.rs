//! Compiles the agent: one static program.

use std::env;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
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

/// The agent's program, when this line of cargo says where it is. Build scripts print there too.
fn program_of(line: &[u8]) -> Option<PathBuf> {
    let said: Value = serde_json::from_slice(line).ok()?;
    let is_agent = said["reason"] == "compiler-artifact" && said["target"]["name"] == PROGRAM;
    let path = said["executable"].as_str().filter(|_| is_agent)?;
    Some(path.into())
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
        let mut lines = BufReader::new(stdout).split(b'\n');
        while let Some(line) = lines.next_segment().await.map_err(no_cargo)? {
            program = program_of(&line).or(program);
        }
    }
    let status = child.wait().await.map_err(no_cargo)?;
    program
        .filter(|_| status.success())
        .ok_or(CompileError::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::fuzz;

    #[test]
    fn fuzz_only_the_agents_artifact_is_its_program() {
        let words = [
            "\"reason\":\"compiler-artifact\",",
            "\"target\":{\"name\":\"rivetos-agent\"},",
            "\"executable\":\"/x\"",
            "\"executable\":null",
        ];
        fuzz("cargo", &words, |bytes| {
            for line in bytes.split(|byte| *byte == b'\n') {
                if program_of(line).is_none() {
                    continue;
                }
                let trimmed = line.trim_ascii_end();
                assert_eq!(program_of(&trimmed[..trimmed.len() - 1]), None, "cut off");
                for place in ["/reason", "/target/name", "/executable"] {
                    let mut said: Value = serde_json::from_slice(line).unwrap();
                    *said.pointer_mut(place).unwrap() = Value::Null;
                    assert_eq!(program_of(said.to_string().as_bytes()), None, "{said}");
                }
            }
        });
    }

    #[test]
    fn what_cargo_says_of_the_agent_is_read() {
        let said = include_bytes!("../../tests/corpus/cargo/agent");
        let mut programs = said.split(|byte| *byte == b'\n').filter_map(program_of);
        let expected = PathBuf::from("/src/target/x86_64-unknown-linux-gnu/agent/rivetos-agent");
        assert_eq!(programs.next(), Some(expected));
        assert_eq!(programs.next(), None);
    }
}
