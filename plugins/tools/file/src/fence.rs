//! Where a path of the model leads.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use rivetos_types::tool::ToolError;

/// The real path of an existing file or folder of the workspace.
pub(crate) fn existing(workspace: &Path, path: &str) -> Result<PathBuf, ToolError> {
    let place = locate(workspace, path)?;
    if !place.missing.as_os_str().is_empty() {
        return Err(ToolError::ForModel(format!("`{path}` does not exist")));
    }
    Ok(place.real)
}

/// The real path that a new or existing file of the workspace has or will have.
pub(crate) fn writable(workspace: &Path, path: &str) -> Result<PathBuf, ToolError> {
    let place = locate(workspace, path)?;
    if place.missing.as_os_str().is_empty() {
        return Ok(place.real);
    }
    Ok(place.real.join(place.missing))
}

struct Place {
    /// The part that exists, without symbolic links and inside the workspace.
    real: PathBuf,
    /// The rest: names only.
    missing: PathBuf,
}

/// Follows symbolic links and `..` as the system would, and compares what comes out component by
/// component.
fn locate(workspace: &Path, path: &str) -> Result<Place, ToolError> {
    let base = workspace.canonicalize().map_err(|error| {
        ToolError::Fatal(format!("the workspace `{}`: {error}", workspace.display()))
    })?;
    let refuse = |why: &str| ToolError::ForModel(format!("`{path}` {why}"));
    let full = base.join(path);
    let mut head = full.as_path();
    let mut names: Vec<&OsStr> = Vec::new();
    let real = loop {
        match head.canonicalize() {
            Ok(real) => break real,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if head.symlink_metadata().is_ok() {
                    return Err(refuse("is a symbolic link that leads nowhere"));
                }
                let (Some(parent), Some(name)) = (head.parent(), head.file_name()) else {
                    return Err(refuse("goes up from a folder that does not exist"));
                };
                names.push(name);
                head = parent;
            }
            Err(error) => return Err(refuse(&format!("cannot be reached: {error}"))),
        }
    };
    if !real.starts_with(&base) {
        return Err(refuse("is outside the workspace"));
    }
    Ok(Place {
        real,
        missing: names.iter().rev().collect(),
    })
}
