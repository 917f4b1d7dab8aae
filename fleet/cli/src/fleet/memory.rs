//! Which engines the fleet was on, kept on this host: what is left there is found although its file
//! no longer names them. Losing it loses nothing but that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rivetos_engine::FleetHome;
use rivetos_fleet::model::TargetId;
use rivetos_provider_docker::{EngineAddress, TlsFiles};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::exit::Exit;
use crate::output::Edge;

/// An engine, and what chose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(super) address: EngineAddress,
    pub(super) by: Chooser,
}

/// What chose an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Chooser {
    /// The fleet's file.
    File,
    /// `DOCKER_HOST`, or that it is not set.
    Environment,
}

/// Why the memory is of no use.
#[derive(Debug, Error)]
pub(crate) enum MemoryError {
    #[error("the list of the fleet's engines `{}` cannot be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the list of the fleet's engines `{}` is damaged", path.display())]
    Damaged {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("the list of the fleet's engines `{}` cannot be written", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Edge for MemoryError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Damaged { .. } => vec![
                "remove it; what is left on engines that the fleet's file no longer names is not \
                 seen then"
                    .into(),
            ],
            Self::Read { .. } | Self::Write { .. } => Vec::new(),
        }
    }
}

/// The engines of one fleet, by their addresses.
#[derive(Debug)]
pub(super) struct Memory {
    path: PathBuf,
    engines: BTreeMap<String, Record>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// What the fleet's file called it.
    name: TargetId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls: Option<Files>,
    chosen_by: Chooser,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Files {
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

impl Memory {
    /// What is kept of the fleet in `home`.
    pub(super) fn read(home: &FleetHome) -> Result<Self, MemoryError> {
        let path = home.folder().join("engines.json");
        let engines = match fs::read_to_string(&path) {
            Ok(text) => match serde_json::from_str(&text) {
                Ok(engines) => engines,
                Err(source) => return Err(MemoryError::Damaged { path, source }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(source) => return Err(MemoryError::Read { path, source }),
        };
        Ok(Self { path, engines })
    }

    /// Engines that the fleet was on and that are none of `named`, each under the name that it had
    /// unless that means another one now.
    pub(super) fn left(&self, named: &BTreeMap<TargetId, Chosen>) -> BTreeMap<TargetId, Chosen> {
        let known: BTreeSet<&str> = named
            .values()
            .map(|one| one.address.host.as_str())
            .collect();
        let mut left = BTreeMap::new();
        for (host, record) in &self.engines {
            if known.contains(host.as_str()) {
                continue;
            }
            let name = if named.contains_key(&record.name) || left.contains_key(&record.name) {
                TargetId::docker(Some(host))
            } else {
                record.name.clone()
            };
            left.insert(name, record.chosen(host));
        }
        left
    }

    /// Keeps `engines` in mind, and has it on the disk before anything is made there.
    pub(super) fn keep(&mut self, engines: BTreeMap<TargetId, Chosen>) -> Result<(), MemoryError> {
        let before = self.engines.clone();
        for (name, Chosen { address, by }) in engines {
            let record = Record {
                name,
                tls: address.tls.map(Files::from),
                chosen_by: by,
            };
            self.engines.insert(address.host, record);
        }
        if self.engines == before {
            return Ok(());
        }
        self.write()
    }

    /// Nothing is left there, or nobody wants to know.
    pub(super) fn forget(&mut self, host: &str) -> Result<(), MemoryError> {
        match self.engines.remove(host) {
            Some(_) => self.write(),
            None => Ok(()),
        }
    }

    fn write(&self) -> Result<(), MemoryError> {
        let draft = self
            .path
            .with_extension(format!("{}.tmp", std::process::id()));
        let written = serde_json::to_string_pretty(&self.engines)
            .map_err(io::Error::from)
            .and_then(|text| write_whole(&draft, &text))
            .and_then(|()| fs::rename(&draft, &self.path));
        written.map_err(|source| {
            let _ = fs::remove_file(&draft);
            MemoryError::Write {
                path: self.path.clone(),
                source,
            }
        })
    }
}

impl Record {
    fn chosen(&self, host: &str) -> Chosen {
        Chosen {
            address: EngineAddress {
                host: host.to_owned(),
                tls: self.tls.clone().map(TlsFiles::from),
            },
            by: self.chosen_by,
        }
    }
}

impl From<TlsFiles> for Files {
    fn from(files: TlsFiles) -> Self {
        let TlsFiles { ca, cert, key } = files;
        Self { ca, cert, key }
    }
}

impl From<Files> for TlsFiles {
    fn from(files: Files) -> Self {
        let Files { ca, cert, key } = files;
        Self { ca, cert, key }
    }
}

fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
