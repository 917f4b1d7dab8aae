//! Files that go with a message, checked before anything is sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rivetos_protocol::{
    ATTACHMENT_BYTES_MAX, ATTACHMENTS_BYTES_MAX, ATTACHMENTS_MAX, MediaType, SentAttachment,
};
use thiserror::Error;

use crate::exit::Exit;
use crate::output::Edge;

/// Why files cannot go with a message.
#[derive(Debug, Error)]
pub(crate) enum AttachError {
    /// There are too many.
    #[error("{0} files are too many for one message, at most {ATTACHMENTS_MAX} are possible")]
    TooMany(usize),
    /// One of them cannot be read.
    #[error("the file `{}` cannot be read", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One of them is too long.
    #[error("the file `{}` has more than {} MiB", path.display(), ATTACHMENT_BYTES_MAX >> 20)]
    TooLarge {
        /// Which one.
        path: PathBuf,
    },
    /// They are too long together.
    #[error("the files have more than {} MiB together", ATTACHMENTS_BYTES_MAX >> 20)]
    TooMuch,
    /// One of them is of a kind that no agent takes.
    #[error("the file `{}` is of no kind that an agent takes", path.display())]
    Kind {
        /// Which one.
        path: PathBuf,
    },
}

impl Edge for AttachError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Kind { .. } => vec![format!("agents take {}", MediaType::WORDS)],
            Self::TooMany(_) | Self::Unreadable { .. } | Self::TooLarge { .. } | Self::TooMuch => {
                Vec::new()
            }
        }
    }
}

/// Reads the files at `paths`, as far as an agent would take them.
pub(crate) fn read_files(paths: &[PathBuf]) -> Result<Vec<SentAttachment>, AttachError> {
    if paths.len() > ATTACHMENTS_MAX {
        return Err(AttachError::TooMany(paths.len()));
    }
    let files: Result<Vec<_>, _> = paths.iter().map(|path| read_file(path)).collect();
    let files = files?;
    let bytes: usize = files.iter().map(|file| file.data.len()).sum();
    if bytes > ATTACHMENTS_BYTES_MAX {
        return Err(AttachError::TooMuch);
    }
    Ok(files)
}

fn read_file(path: &Path) -> Result<SentAttachment, AttachError> {
    let unreadable = |source| AttachError::Unreadable {
        path: path.to_owned(),
        source,
    };
    // A pipe or a device may never end.
    let limit = u64::try_from(ATTACHMENT_BYTES_MAX).unwrap_or(u64::MAX);
    let mut data = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut data))
        .map_err(unreadable)?;
    let path = || path.to_owned();
    if data.len() > ATTACHMENT_BYTES_MAX {
        return Err(AttachError::TooLarge { path: path() });
    }
    if MediaType::of(&data).is_none() {
        return Err(AttachError::Kind { path: path() });
    }
    let name = path().file_name().map(|name| name.display().to_string());
    Ok(SentAttachment {
        name: name.unwrap_or_default(),
        data,
    })
}
