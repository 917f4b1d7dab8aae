//! The agent's program on this host.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rivetos_fleet::Program;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::commands::version::VERSION;
use crate::exit::Exit;
use crate::output::Edge;

const NAME: &str = "rivetos-agent";
/// Hex digits of the digest that are kept.
const DIGEST_HEX_DIGITS: usize = 16;

/// Why a program is not the agent.
#[derive(Debug, Error)]
pub(crate) enum ProgramError {
    /// It cannot be read or run.
    #[error("the agent's program `{}` cannot be used", path.display())]
    Unusable {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else.
    #[error("`{}` is not an agent: it does not say its version", path.display())]
    NotAnAgent {
        /// Where it is.
        path: PathBuf,
    },
    /// It is of another version.
    #[error("the agent's program `{}` is of version {version}, `rivetos` is of {VERSION}", path.display())]
    OtherVersion {
        /// Where it is.
        path: PathBuf,
        /// What it says.
        version: String,
    },
}

impl Edge for ProgramError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["`rivetos build` makes the one of this version; `--agent-bin PATH` names it".into()]
    }
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

/// The program that was named, else the one beside this program, else the one on the PATH.
/// `None`: there is none.
pub(crate) fn find(named: Option<&Path>) -> Result<Option<Program>, ProgramError> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => match beside().or_else(on_path) {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    let unusable = |source| ProgramError::Unusable {
        path: path.clone(),
        source,
    };
    let absolute = std::path::absolute(&path).map_err(unusable)?;
    let digest = digest(&absolute).map_err(unusable)?;
    let output = Command::new(&absolute)
        .args(["version", "--output", "json"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(unusable)?;
    let Ok(Version { version }) = serde_json::from_slice(&output.stdout) else {
        return Err(ProgramError::NotAnAgent { path });
    };
    if version != VERSION {
        return Err(ProgramError::OtherVersion { path, version });
    }
    Ok(Some(Program {
        path: absolute,
        digest,
    }))
}

fn beside() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name(NAME);
    path.is_file().then_some(path)
}

fn on_path() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(OsStr::new(&folders))
        .map(|folder| folder.join(NAME))
        .find(|path| path.is_file())
}

fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    let mut hex = data_encoding::HEXLOWER.encode(&hasher.finalize());
    hex.truncate(DIGEST_HEX_DIGITS);
    Ok(hex)
}
