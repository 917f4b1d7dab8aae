//! One image at a time.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::exit::Exit;
use crate::output::Edge;

/// Another build cannot be waited for.
#[derive(Debug, Error)]
#[error("the lock `{}` cannot be used", path.display())]
pub(crate) struct ImageLockError {
    path: PathBuf,
    source: io::Error,
}

impl Edge for ImageLockError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// Waits until no other build makes an image of `program`, so that two builds of one commit end
/// with one image. The lock ends with the file, or with the process.
pub(crate) async fn lock_image(program: &Path) -> Result<File, ImageLockError> {
    let path = program.with_extension("image-lock");
    let lock = path.clone();
    tokio::task::spawn_blocking(move || {
        let file = File::create(lock)?;
        file.lock()?;
        Ok(file)
    })
    .await
    .unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
    .map_err(|source| ImageLockError { path, source })
}
