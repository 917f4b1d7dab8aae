//! Which file describes the fleet.

use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use crate::exit::Exit;
use crate::output::Edge;

/// Looked for in the current folder, then in the home folder.
const NAMES: [&str; 2] = ["rivet.config.yaml", "config.yaml"];

/// There is no file.
#[derive(Debug, Error)]
#[error("there is no configuration file")]
pub(crate) struct NotFound {
    looked_at: Vec<PathBuf>,
}

impl Edge for NotFound {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn details(&self) -> Vec<String> {
        self.looked_at
            .iter()
            .map(|path| format!("looked for {}", path.display()))
            .collect()
    }

    fn hints(&self) -> Vec<String> {
        vec![
            "name it with `--config FILE` or `RIVETOS_CONFIG`".into(),
            "`rivetos quickstart` writes an example".into(),
        ]
    }
}

/// The file that is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) path: PathBuf,
    pub(crate) reason: Reason,
}

/// Why it is this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// It was named.
    Named,
    /// It is the first that is there in the current folder.
    CurrentFolder,
    /// There is none in the current folder, and this one is at home.
    HomeFolder,
}

/// The file that was named, else the first that is there.
pub(crate) fn locate(named: Option<&Path>, home: &Path) -> Result<Located, NotFound> {
    if let Some(path) = named {
        return Ok(Located {
            path: path.to_owned(),
            reason: Reason::Named,
        });
    }
    let looked_at: Vec<(PathBuf, Reason)> = [
        (Path::new("."), Reason::CurrentFolder),
        (home, Reason::HomeFolder),
    ]
    .into_iter()
    .flat_map(|(folder, reason)| NAMES.map(|name| (folder.join(name), reason)))
    .collect();
    match looked_at.iter().find(|(path, _)| path.is_file()) {
        Some((path, reason)) => Ok(Located {
            path: path.clone(),
            reason: *reason,
        }),
        None => Err(NotFound {
            looked_at: looked_at.into_iter().map(|(path, _)| path).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_first_that_is_there_is_taken() {
        let home = tempfile::tempdir().unwrap();
        let named = locate(Some(Path::new("nowhere.yaml")), home.path());
        let named = named.unwrap();
        assert_eq!(named.path, Path::new("nowhere.yaml"));
        assert_eq!(named.reason, Reason::Named);
        assert_eq!(locate(None, home.path()).unwrap_err().looked_at.len(), 4);
        for name in ["config.yaml", "rivet.config.yaml"] {
            let path = home.path().join(name);
            fs::write(&path, "").unwrap();
            let found = locate(None, home.path()).unwrap();
            assert_eq!(found.path, path);
            assert_eq!(found.reason, Reason::HomeFolder);
        }
    }
}
