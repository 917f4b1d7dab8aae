//! A plan against a world that is described instead of looked at: `rivetos infra preview --against
//! sim:FILE` and `--offline`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rivetos_fleet::model::Plan;
use rivetos_fleet::{plan, plan_destroy};
use rivetos_sim::{WorldError, WorldFile};
use thiserror::Error;

use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Edge, Failure};
use crate::settings::Goal;

/// Why a described world shows nothing.
#[derive(Debug, Error)]
enum AgainstError {
    #[error("the world `{}` cannot be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the world `{}` cannot be used", path.display())]
    Unusable { path: PathBuf, source: WorldError },
}

impl Edge for AgainstError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Nothing is there but the images that the fleet wants.
pub(crate) const EMPTY: &str = "starts: empty\n";

/// The description of a world.
pub(crate) fn read(file: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(file).map_err(|source| AgainstError::Unreadable {
        path: file.to_owned(),
        source,
    })?;
    Ok(text)
}

/// What `up` or `destroy` would do in the world that `text`, which is called `name`, describes. Asks no target.
pub(crate) fn plan_against(
    fleet: &Fleet,
    (name, text): (&Path, &str),
    goal: &Goal,
) -> Result<Plan, Failure> {
    let unusable = |source| AgainstError::Unusable {
        path: name.to_owned(),
        source,
    };
    let world = WorldFile::parse(text).map_err(unusable)?;
    let world = world
        .around(fleet.spec.fleet(), &fleet.layout)
        .map_err(unusable)?;
    let seen = world.look(&fleet.layout);
    let name = fleet.spec.fleet();
    match goal {
        Goal::Up(options) => {
            options.check(&fleet.layout, &seen)?;
            Ok(plan(name, &fleet.layout, &seen, options))
        }
        Goal::Down(teardown) => Ok(plan_destroy(name, &fleet.layout, &seen, teardown)),
    }
}
