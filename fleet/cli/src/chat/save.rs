//! Files of replies, kept on this machine.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::turn::ChatError;
use crate::exit::Exit;
use crate::output::Edge;

/// How many files of one name there may be.
const SAME_NAMES_MAX: u32 = 1000;

/// Why a file of a reply is not here.
#[derive(Debug, Error)]
pub(crate) enum SaveError {
    /// The agent did not give it.
    #[error("the file `{name}` of the reply cannot be fetched")]
    Fetch {
        /// Its name.
        name: String,
        /// Why.
        source: ChatError,
    },
    /// It cannot be written.
    #[error("the file `{name}` of the reply cannot be written to `{}`", folder.display())]
    Write {
        /// Its name.
        name: String,
        /// Where to.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Edge for SaveError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// Writes `content` to a new file in `folder`, called `name` as far as that is a name and free.
pub(super) fn save(folder: &Path, name: &str, content: &[u8]) -> io::Result<PathBuf> {
    let name = file_name(name);
    for number in 0..SAME_NAMES_MAX {
        let path = folder.join(match number {
            0 => name.clone(),
            number => format!("{number}-{name}"),
        });
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => return file.write_all(content).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// What an agent calls a file is no path and hides nothing.
fn file_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = name.chars().filter(|c| !c.is_control());
    let name: String = plain.skip_while(|c| *c == '.').collect();
    if name.trim().is_empty() {
        "file".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agents_name_leads_nowhere_else() {
        for (name, file) in [
            ("a.png", "a.png"),
            ("../../.bashrc", "bashrc"),
            ("..", "file"),
            ("/etc/passwd", "passwd"),
            ("a\nb", "ab"),
            ("", "file"),
        ] {
            assert_eq!(file_name(name), file, "{name:?}");
        }
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let first = save(folder.path(), "a.txt", b"one").unwrap();
        let second = save(folder.path(), "a.txt", b"two").unwrap();
        assert_eq!(second, folder.path().join("1-a.txt"));
        assert_eq!(std::fs::read(first).unwrap(), b"one");
        assert_eq!(std::fs::read(second).unwrap(), b"two");
        assert!(save(&folder.path().join("gone"), "a.txt", b"one").is_err());
    }
}
