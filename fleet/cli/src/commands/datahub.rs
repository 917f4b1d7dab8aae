//! `rivetos datahub`

mod backup;
mod file;
mod psql;
mod restore;

pub(crate) use psql::run as psql;

use rivetos_fleet::FleetId;
use rivetos_fleet::model::{Kind, ResourceId};
use rivetos_fleet::port::AccessError;
use rivetos_provider_docker::{Datahub, DatahubError};
use thiserror::Error;

use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Edge, Failure, Printer};
use crate::settings::{DatahubCommand, Globals};
use crate::targets::Targets;

/// Why there is no datahub to work with.
#[derive(Debug, Error)]
enum OpenError {
    #[error("fleet `{fleet}` has no datahub")]
    None { fleet: FleetId },
    #[error("the datahub cannot be reached")]
    Unreachable(#[source] AccessError),
}

impl Edge for OpenError {
    fn exit(&self) -> Exit {
        match self {
            Self::None { .. } => Exit::Usage,
            Self::Unreachable(_) => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        vec![match self {
            Self::None { .. } => "a fleet on Docker gets one with `deployment: { datahub: \
                                  { postgres: true } }`; agents on the target `local` keep \
                                  everything in their own folders"
                .into(),
            Self::Unreachable(_) => "`rivetos infra up` brings it up".into(),
        }]
    }
}

impl Edge for DatahubError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// Makes a backup or puts one back.
pub(crate) async fn run(
    globals: &Globals,
    command: DatahubCommand,
    printer: Printer,
) -> Result<Exit, Failure> {
    let mut fleet = Fleet::load_without_secrets(globals, printer)?;
    match command {
        DatahubCommand::Backup { file } => backup::run(&mut fleet, file, printer).await,
        DatahubCommand::Restore { file, confirmed } => {
            restore::run(&mut fleet, &file, confirmed, printer).await
        }
    }
}

/// The datahub of a fleet that is to have one.
fn has_datahub(fleet: &Fleet) -> Result<ResourceId, OpenError> {
    let node = ResourceId::new(Kind::Datahub, "main");
    let mut sets = fleet.layout.values();
    if sets.any(|set| set.resources.contains_key(&node)) {
        return Ok(node);
    }
    let fleet = fleet.spec.fleet().clone();
    Err(OpenError::None { fleet })
}

/// The fleet's datahub and where it is.
async fn open(fleet: &mut Fleet, printer: Printer) -> Result<(Targets, Datahub), Failure> {
    let node = has_datahub(fleet)?;
    let targets = fleet.targets(printer).await?;
    let datahub = targets
        .datahub(&node)
        .await
        .map_err(OpenError::Unreachable)?;
    Ok((targets, datahub))
}

/// A size as people read it.
fn size(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_short() {
        let sizes = [0, 999, 1_000, 12_345_678, 2_000_000_000].map(super::size);
        assert_eq!(
            sizes,
            ["0 bytes", "999 bytes", "1.0 kB", "12.3 MB", "2.0 GB"]
        );
    }
}
