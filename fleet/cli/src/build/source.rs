//! The source tree, and what it is called.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use thiserror::Error;

use crate::exit::Exit;
use crate::output::Edge;

/// What tells this project's workspace from others.
const LANDMARK: &str = "agent/boot/Cargo.toml";

/// A workspace that has the agent in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its root.
    pub(crate) root: PathBuf,
    /// The version that its manifest states.
    pub(crate) version: String,
    /// The commit that is checked out, 12 hex digits, or `unknown`.
    pub(crate) commit: String,
    /// Whether the files are those of the commit.
    pub(crate) tree: Tree,
}

/// Whether the files are those of the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tree {
    /// Exactly.
    Clean,
    /// Something is changed, or there is no commit.
    Dirty,
}

/// Why there is no source.
#[derive(Debug, Error)]
pub(crate) enum SourceError {
    /// The folder that was named has no agent.
    #[error("`{}` is not the source tree of RivetOS", path.display())]
    NotASource {
        /// What was named.
        path: PathBuf,
    },
    /// No folder was named and none was found.
    #[error("the current folder is not inside the source tree of RivetOS")]
    Outside,
    /// Something in it cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Edge for SourceError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["name the checkout with `--source DIR`".into()]
    }
}

impl Source {
    /// The tree that was named, else the one around the current folder.
    pub(crate) fn find(named: Option<&Path>) -> Result<Self, SourceError> {
        let root = match named {
            Some(path) if path.join(LANDMARK).is_file() => path.to_owned(),
            Some(path) => {
                return Err(SourceError::NotASource {
                    path: path.to_owned(),
                });
            }
            None => enclosing()?,
        };
        let manifest = root.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).map_err(|source| SourceError::Unreadable {
            path: manifest,
            source,
        })?;
        let version =
            version(&text).ok_or_else(|| SourceError::NotASource { path: root.clone() })?;
        let commit = git(&root, &["rev-parse", "--short=12", "HEAD"]);
        let changes = git(&root, &["status", "--porcelain"]);
        let tree = match (&commit, changes.as_deref()) {
            (Some(_), Some("")) => Tree::Clean,
            (Some(_) | None, _) => Tree::Dirty,
        };
        let commit = commit.unwrap_or_else(|| "unknown".to_owned());
        Ok(Self {
            root,
            version,
            commit,
            tree,
        })
    }
}

fn enclosing() -> Result<PathBuf, SourceError> {
    let current = env::current_dir().map_err(|source| SourceError::Unreadable {
        path: PathBuf::from("."),
        source,
    })?;
    current
        .ancestors()
        .find(|folder| folder.join(LANDMARK).is_file())
        .map(Path::to_owned)
        .ok_or(SourceError::Outside)
}

/// The version under `[workspace.package]`.
fn version(manifest: &str) -> Option<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[workspace.package]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == "version").then(|| value.trim().trim_matches('"').to_owned())
        })
}

fn git(root: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_tree_is_found_from_within() {
        let source = Source::find(None).unwrap();
        assert!(source.root.join(LANDMARK).is_file());
        assert_eq!(source.version, env!("CARGO_PKG_VERSION"));
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(matches!(
            Source::find(Some(elsewhere.path())),
            Err(SourceError::NotASource { .. })
        ));
    }
}
