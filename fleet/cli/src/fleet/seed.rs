//! The prompt files that every agent's workspace starts with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use thiserror::Error;

use crate::exit::Exit;
use crate::output::Edge;

/// A prompt is read whole into every turn, so a larger file is a mistake.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Why the prompt files cannot be delivered.
#[derive(Debug, Error)]
pub(crate) enum SeedError {
    /// The folder or a file in it cannot be read.
    #[error("`{}` of `runtime.workspace` cannot be read", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is too large.
    #[error("`{}` of `runtime.workspace` is longer than {FILE_BYTES_MAX} bytes", path.display())]
    TooLong {
        /// Which one.
        path: PathBuf,
    },
}

impl Edge for SeedError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec![
            "`runtime.workspace` names a folder beside the configuration file; its Markdown files \
             are delivered to every agent"
                .into(),
        ]
    }
}

/// The Markdown files in `folder`, by name.
pub(super) fn read(folder: &Path) -> Result<BTreeMap<String, String>, SeedError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| SeedError::Unreadable { path, source }
    };
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if path.extension().is_none_or(|extension| extension != "md") || !path.is_file() {
            continue;
        }
        if fs::metadata(&path).map_err(unreadable(&path))?.len() > FILE_BYTES_MAX {
            return Err(SeedError::TooLong { path });
        }
        let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
        files.insert(name.to_owned(), text);
    }
    Ok(files)
}
