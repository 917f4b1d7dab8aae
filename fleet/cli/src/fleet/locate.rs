//! Which file describes the fleet.

use std::path::{Path, PathBuf};

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

/// The file that was named, else the first that is there.
pub(super) fn locate(named: Option<&Path>, home: &Path) -> Result<PathBuf, NotFound> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let looked_at: Vec<PathBuf> = [Path::new("."), home]
        .into_iter()
        .flat_map(|folder| NAMES.map(|name| folder.join(name)))
        .collect();
    looked_at
        .iter()
        .find(|path| path.is_file())
        .cloned()
        .ok_or(NotFound { looked_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_first_that_is_there_is_taken() {
        let home = tempfile::tempdir().unwrap();
        let named = locate(Some(Path::new("nowhere.yaml")), home.path());
        assert_eq!(named.unwrap(), Path::new("nowhere.yaml"));
        assert_eq!(locate(None, home.path()).unwrap_err().looked_at.len(), 4);
        for name in ["config.yaml", "rivet.config.yaml"] {
            let path = home.path().join(name);
            fs::write(&path, "").unwrap();
            assert_eq!(locate(None, home.path()).unwrap(), path);
        }
    }
}
