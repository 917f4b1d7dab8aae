//! Plans that are kept in a file until somebody says yes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rivetos_fleet::model::{Inventories, Plan};
use rivetos_fleet::{Moment, SavedPlan, SavedPlanError};
use serde::Serialize;
use thiserror::Error;

use super::version::{COMMIT, VERSION};
use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Edge, Failure};

/// Why a plan is not kept, or not taken up.
#[derive(Debug, Error)]
enum SavedError {
    #[error("the file `{}` cannot be written", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the saved plan `{}` cannot be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the saved plan `{}` cannot be carried out", path.display())]
    Unusable {
        path: PathBuf,
        source: SavedPlanError,
    },
    #[error("the saved plan `{}` is stale: {} moved since it was saved", path.display(), moved.len())]
    Moved { path: PathBuf, moved: Vec<String> },
}

impl Edge for SavedError {
    fn exit(&self) -> Exit {
        match self {
            Self::Write { .. } => Exit::Failed,
            Self::Unusable { source, .. } if source.is_stale() => Exit::Stale,
            Self::Read { .. } | Self::Unusable { .. } => Exit::Usage,
            Self::Moved { .. } => Exit::Stale,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Moved { moved, .. } => moved.clone(),
            Self::Write { .. } | Self::Read { .. } | Self::Unusable { .. } => Vec::new(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unusable { source, .. } => vec![source.fix().to_owned()],
            Self::Moved { .. } => {
                vec!["nothing was changed; make the plan again with `rivetos infra preview --out FILE`".into()]
            }
            Self::Write { .. } | Self::Read { .. } => Vec::new(),
        }
    }
}

/// Keeps `plan`, which was made of `seen`, in `file`.
pub(super) fn keep(
    fleet: &Fleet,
    (plan, seen): (Plan, &Inventories),
    file: &Path,
) -> Result<(), Failure> {
    let key = fleet.home.key()?;
    let saved = at_this_moment(|now| SavedPlan::seal(plan, (&fleet.layout, seen), &key, now));
    write(file, &saved.to_json())
}

/// Reads the plan that is kept in `file`.
pub(super) fn open(fleet: &Fleet, file: &Path) -> Result<SavedPlan, Failure> {
    let text = fs::read_to_string(file).map_err(|source| SavedError::Read {
        path: file.to_owned(),
        source,
    })?;
    let key = fleet.home.key()?;
    let scope = (fleet.spec.fleet(), &fleet.layout);
    let saved = at_this_moment(|now| SavedPlan::open(&text, scope, &key, now));
    Ok(saved.map_err(|source| SavedError::Unusable {
        path: file.to_owned(),
        source,
    })?)
}

/// Refuses the plan of `file` when anything that it touches is not as it was.
pub(super) fn must_fit(saved: &SavedPlan, seen: &Inventories, file: &Path) -> Result<(), Failure> {
    let moved = saved.moved(seen);
    if moved.is_empty() {
        return Ok(());
    }
    let path = file.to_owned();
    Err(SavedError::Moved { path, moved }.into())
}

/// Writes a document into a file.
pub(super) fn write_json(document: &impl Serialize, file: &Path) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document).map_err(|error| SavedError::Write {
        path: file.to_owned(),
        source: error.into(),
    })?;
    write(file, &text)
}

/// The whole file or nothing of it, for the owner's eyes only.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let mut draft = file.as_os_str().to_owned();
    draft.push(format!(".{}.tmp", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut open| {
            open.write_all(text.as_bytes())?;
            open.write_all(b"\n")?;
            open.sync_all()
        })
        .and_then(|()| fs::rename(&draft, file));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    Ok(written.map_err(|source| SavedError::Write {
        path: file.to_owned(),
        source,
    })?)
}

fn at_this_moment<T>(does: impl FnOnce(Moment<'_>) -> T) -> T {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    does(Moment {
        tool: &format!("{VERSION} ({COMMIT})"),
        unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
    })
}
