//! The rules that a fleet's file does not follow, without looking at anything but the file.

use std::collections::BTreeMap;
use std::path::Path;

use rivetos_fleet::{BuildInfo, Context, FleetSpec, Note, check_spec};

use super::file::FleetFile;
use super::seed;
use crate::commands::version::{COMMIT, VERSION};
use crate::output::Failure;
use crate::settings::Globals;

/// The rules that `read`, the file at `path`, does not follow. One that describes no fleet has none.
pub(crate) fn notes(
    read: &FleetFile,
    path: &Path,
    globals: &Globals,
) -> Result<Vec<Note>, Failure> {
    let beside = path.parent().unwrap_or(Path::new("."));
    let seed = match &read.config.runtime.workspace {
        Some(folder) => seed::read(&beside.join(folder))?,
        None => BTreeMap::new(),
    };
    let context = Context {
        build: BuildInfo {
            version: VERSION.to_owned(),
            commit: COMMIT.to_owned(),
        },
        home: globals.home.clone(),
        program: None,
        seed,
        digests: BTreeMap::new(),
    };
    Ok(FleetSpec::resolve(&read.config, context)
        .map(|spec| check_spec(&spec))
        .unwrap_or_default())
}
