//! `rivetos datahub backup`

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rivetos_provider_docker::{Datahub, DatahubError};
use serde::Serialize;
use thiserror::Error;
use tokio::signal;

use super::file::{Checksum, Drafts, Summed, beside, checksum_line, checksum_of, create};
use super::{open, size};
use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::moment::stamp;
use crate::output::{Edge, Failure, Format, Printer};

#[derive(Serialize)]
struct BackupReport {
    schema_version: u32,
    file: PathBuf,
    bytes: u64,
    sha256: Checksum,
    entries: usize,
    seconds: f64,
}

/// Why there is no backup.
#[derive(Debug, Error)]
enum BackupError {
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    #[error("`{}` cannot be written", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("`{}` cannot be read back", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the disk gives back something else than was written to `{}`", .0.display())]
    Damaged(PathBuf),
    #[error("the datahub gave no backup")]
    Dump(#[source] DatahubError),
    #[error("the backup was written and cannot be read by the datahub")]
    Trial(#[source] DatahubError),
}

impl Edge for BackupError {
    fn exit(&self) -> Exit {
        match self {
            Self::Exists(_) => Exit::Blocked,
            Self::Unwritable { .. }
            | Self::Unreadable { .. }
            | Self::Damaged(_)
            | Self::Dump(_)
            | Self::Trial(_) => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Exists(path) if path.extension().is_some_and(|ending| ending == "part") => {
                vec!["remove it unless another backup is writing it".into()]
            }
            Self::Exists(_) => vec!["name another file; a backup is never overwritten".into()],
            Self::Damaged(_) => vec!["do not trust this disk".into()],
            Self::Unwritable { .. } | Self::Unreadable { .. } | Self::Dump(_) | Self::Trial(_) => {
                Vec::new()
            }
        }
    }
}

/// Writes a backup, checks it, and only then gives it its name.
pub(super) async fn run(
    fleet: &mut Fleet,
    file: Option<PathBuf>,
    printer: Printer,
) -> Result<Exit, Failure> {
    let started = Instant::now();
    let file = file.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        format!("{}-{}.dump", fleet.spec.fleet(), stamp(now)).into()
    });
    let (_, datahub) = open(fleet, printer).await?;
    let made = tokio::select! {
        made = make(&datahub, &file) => made?,
        _ = signal::ctrl_c() => return Ok(Exit::Interrupted),
    };
    let seconds = started.elapsed().as_secs_f64();
    match printer.format() {
        Format::Text => {
            printer.talk(format_args!(
                "{} in {seconds:.1} s, {} entries; checksum and table of contents are right",
                size(made.bytes),
                made.entries
            ));
            printer.data(file.display());
        }
        Format::Json => printer.json(&BackupReport {
            schema_version: 1,
            file,
            bytes: made.bytes,
            sha256: made.checksum,
            entries: made.entries,
            seconds,
        }),
    }
    Ok(Exit::Ok)
}

struct Made {
    bytes: u64,
    checksum: Checksum,
    entries: usize,
}

async fn make(datahub: &Datahub, file: &Path) -> Result<Made, BackupError> {
    let (part, sum) = (beside(file, ".part"), beside(file, ".sha256"));
    for path in [file, &sum] {
        if path.exists() {
            return Err(BackupError::Exists(path.to_owned()));
        }
    }
    let mut drafts = Drafts::default();
    let mut output = Summed::new(begin(&part)?);
    drafts.add(&part);
    datahub
        .back_up(&mut output)
        .await
        .map_err(BackupError::Dump)?;
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        |source| BackupError::Unwritable { path, source }
    };
    let (bytes, checksum) = output.finish().await.map_err(unwritable(&part))?;
    let mut line = begin(&sum)?;
    drafts.add(&sum);
    line.write_all(checksum_line(&checksum, file).as_bytes())
        .and_then(|()| line.sync_all())
        .map_err(unwritable(&sum))?;
    let entries = verify(datahub, &part, &checksum).await?;
    fs::rename(&part, file)
        .and_then(|()| sync_folder(file))
        .map_err(unwritable(file))?;
    drafts.keep();
    Ok(Made {
        bytes,
        checksum,
        entries,
    })
}

fn begin(path: &Path) -> Result<File, BackupError> {
    create(path).map_err(|source| {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::AlreadyExists {
            BackupError::Exists(path)
        } else {
            BackupError::Unwritable { path, source }
        }
    })
}

/// Reads everything back from the disk, and lets the datahub look into it.
async fn verify(datahub: &Datahub, part: &Path, checksum: &Checksum) -> Result<usize, BackupError> {
    let unreadable = |source| BackupError::Unreadable {
        path: part.to_owned(),
        source,
    };
    if checksum_of(part).await.map_err(unreadable)? != *checksum {
        return Err(BackupError::Damaged(part.to_owned()));
    }
    let mut backup = tokio::fs::File::open(part).await.map_err(unreadable)?;
    let contents = datahub.contents(&mut backup).await;
    Ok(contents.map_err(BackupError::Trial)?.entries)
}

/// Only then does a new name survive a power cut.
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|path| !path.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
