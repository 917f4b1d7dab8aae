//! `rivetos datahub restore`

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rivetos_engine::Lease;
use rivetos_fleet::FleetId;
use rivetos_provider_docker::{Datahub, DatahubError};
use serde::Serialize;
use thiserror::Error;
use tokio::signal;

use super::file::{beside, checksum_of, read_checksum};
use super::{has_datahub, open};
use crate::apply::locked;
use crate::consent::{self, ConsentError};
use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Edge, Failure, Format, Printer};

/// The name of this operation in locks.
const OPERATION: &str = "datahub restore";

#[derive(Serialize)]
struct RestoreReport<'a> {
    schema_version: u32,
    file: &'a Path,
    entries: usize,
    schemas: &'a [String],
    seconds: f64,
}

/// Why the datahub is as it was.
#[derive(Debug, Error)]
enum RestoreError {
    #[error("`{}` cannot be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("`{}` holds no SHA-256", .0.display())]
    NoChecksum(PathBuf),
    #[error("`{}` is not the backup that was made: its checksum is another one", .0.display())]
    Damaged(PathBuf),
    #[error("`{}` is no backup that this datahub can read", path.display())]
    NoBackup { path: PathBuf, source: DatahubError },
    #[error("the datahub cannot be asked what it holds")]
    Unknown(#[source] DatahubError),
    #[error("the backup was not restored; the datahub is as it was")]
    Failed(#[source] DatahubError),
}

impl Edge for RestoreError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } | Self::Unknown(_) | Self::Failed(_) => Exit::Failed,
            Self::NoChecksum(_) | Self::Damaged(_) | Self::NoBackup { .. } => Exit::Blocked,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreadable { path, source }
                if source.kind() == io::ErrorKind::NotFound
                    && path.extension().is_some_and(|ending| ending == "sha256") =>
            {
                vec![format!(
                    "a backup has its checksum beside it; for one that you trust, write `{}` with \
                     `sha256sum`",
                    path.display()
                )]
            }
            Self::Damaged(_) => vec!["take another backup; nothing was changed".into()],
            Self::Failed(error) if error.to_string().contains("role \"") => vec![
                "a login that the backup knows and the fleet does not is made by `rivetos infra \
                 up` with its agent in the file"
                    .into(),
            ],
            Self::Unreadable { .. }
            | Self::NoChecksum(_)
            | Self::NoBackup { .. }
            | Self::Unknown(_)
            | Self::Failed(_) => Vec::new(),
        }
    }
}

/// Checks a backup, asks where something would be overwritten, and puts the backup back.
pub(super) async fn run(
    fleet: &mut Fleet,
    file: &Path,
    confirmed: Option<String>,
    printer: Printer,
) -> Result<Exit, Failure> {
    let started = Instant::now();
    has_datahub(fleet)?;
    check(file).await?;
    let (targets, datahub) = open(fleet, printer).await?;
    let mut backup = reader(file).await?;
    let contents =
        datahub
            .contents(&mut backup)
            .await
            .map_err(|source| RestoreError::NoBackup {
                path: file.to_owned(),
                source,
            })?;
    let name = fleet.spec.fleet();
    let scope = (&*fleet, &targets);
    let exit = locked(scope, OPERATION, printer, async |_: &Lease| {
        agree(&datahub, name, confirmed, printer).await?;
        let mut backup = reader(file).await?;
        tokio::select! {
            restored = datahub.restore(&mut backup, &contents) => {
                restored.map_err(RestoreError::Failed)?;
                Ok(Exit::Ok)
            }
            // Without its end nothing of the backup is kept.
            _ = signal::ctrl_c() => Ok(Exit::Interrupted),
        }
    });
    let exit = exit.await?;
    if exit == Exit::Ok {
        let seconds = started.elapsed().as_secs_f64();
        match printer.format() {
            Format::Text => printer.talk(format_args!(
                "restored {} entries in {seconds:.1} s",
                contents.entries
            )),
            Format::Json => printer.json(&RestoreReport {
                schema_version: 1,
                file,
                entries: contents.entries,
                schemas: &contents.schemas,
                seconds,
            }),
        }
    }
    Ok(exit)
}

/// Goes on when nothing would be overwritten, or the person names the fleet whose data it is.
async fn agree(
    datahub: &Datahub,
    fleet: &FleetId,
    confirmed: Option<String>,
    printer: Printer,
) -> Result<(), Failure> {
    let stored = datahub.stored().await.map_err(RestoreError::Unknown)?;
    if stored == 0 {
        return Ok(());
    }
    printer.talk(format_args!(
        "the datahub of fleet {fleet} is not empty (tables, views and sequences: {stored}); the \
         schemas of the backup are replaced as a whole"
    ));
    let given = match confirmed {
        Some(given) => given,
        None => consent::fleet_name(fleet.as_str(), printer)?,
    };
    if given == fleet.as_str() {
        Ok(())
    } else {
        Err(ConsentError::Declined.into())
    }
}

/// Refuses a file that is not what its checksum says.
async fn check(file: &Path) -> Result<(), RestoreError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        |source| RestoreError::Unreadable { path, source }
    };
    let found = checksum_of(file).await.map_err(unreadable(file))?;
    let sum = beside(file, ".sha256");
    let expected = read_checksum(&sum).map_err(unreadable(&sum))?;
    match expected {
        None => Err(RestoreError::NoChecksum(sum)),
        Some(expected) if expected == found => Ok(()),
        Some(_) => Err(RestoreError::Damaged(file.to_owned())),
    }
}

async fn reader(file: &Path) -> Result<tokio::fs::File, RestoreError> {
    let opened = tokio::fs::File::open(file).await;
    opened.map_err(|source| RestoreError::Unreadable {
        path: file.to_owned(),
        source,
    })
}
