//! The two files that describe an agent: what is to run, and what runs.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use rivetos_fleet::model::ProcessSpec;

use crate::process::ProcessId;

/// `process.json`: what is to run. Written when the agent is created, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessRecord {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) process: ProcessSpec,
}

/// `state.json`: what runs. Written by the supervisor at every change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) supervisor: ProcessId,
    /// The agent, while it runs; when the supervisor was killed, perhaps even after that.
    pub(crate) agent: Option<ProcessId>,
    pub(crate) phase: Phase,
    /// How often the agent was started again.
    pub(crate) restarts: u32,
    /// How the agent ended last.
    pub(crate) last_exit: Option<String>,
}

/// What the supervisor is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// It keeps the agent running.
    Supervising,
    /// It ended because the agent would not stay up.
    GaveUp,
    /// It was told to stop and did.
    Stopped,
}

impl ProcessRecord {
    pub(crate) fn path(folder: &Path) -> PathBuf {
        folder.join("process.json")
    }

    pub(crate) fn read(folder: &Path) -> io::Result<Option<Self>> {
        read(&Self::path(folder))
    }

    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        write(&Self::path(folder), self)
    }
}

impl State {
    pub(crate) fn path(folder: &Path) -> PathBuf {
        folder.join("state.json")
    }

    pub(crate) fn read(folder: &Path) -> io::Result<Option<Self>> {
        read(&Self::path(folder))
    }

    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        write(&Self::path(folder), self)
    }
}

/// `None` when there is no file.
fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Readers see the old file or the new one, never a part.
fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let draft = path.with_extension("json.part");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(&serde_json::to_vec_pretty(value)?)?;
    file.sync_data()?;
    fs::rename(draft, path)
}
