//! The system prompt, from files of the workspace.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rivetos_core::workspace::{PROMPT_FILE_BYTES_MAX, PROMPT_FILES, add_pinned, system_prompt};

/// The most that one pinned file contributes, in bytes.
const PIN_BYTES_MAX: u64 = 50 * 1024;

/// The most that all of them contribute, in bytes.
const PINS_BYTES_MAX: u64 = 200 * 1024;

/// Four small files: reading them takes less than handing the work to another thread.
pub(crate) fn read_prompt(workspace: &Path, pins: &[String]) -> String {
    let texts = PROMPT_FILES.map(|name| {
        match read_start(&workspace.join(name), 2 * PROMPT_FILE_BYTES_MAX as u64) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(file = name, %error, "a prompt file cannot be read; it is left out");
                None
            }
        }
    });
    let mut prompt = system_prompt(&texts);
    for file in pins {
        match read_pin(workspace, file) {
            Ok(text) => add_pinned(&mut prompt, file, &text),
            Err(error) => tracing::warn!(file, %error, "a pinned file is left out"),
        }
    }
    prompt
}

/// Why a file cannot be pinned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PinError {
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("it is not in the workspace")]
    Outside,
    #[error("it has {0} bytes, at most {PIN_BYTES_MAX} are possible")]
    TooLong(u64),
    #[error(
        "the pinned files together would have {0} bytes, at most {PINS_BYTES_MAX} are possible"
    )]
    TooMuch(u64),
}

/// Whether `file` can be pinned beside `pins`.
pub(crate) fn check_pin(workspace: &Path, pins: &[String], file: &str) -> Result<(), PinError> {
    let mut bytes = std::fs::metadata(pin_path(workspace, file)?)?.len();
    if bytes > PIN_BYTES_MAX {
        return Err(PinError::TooLong(bytes));
    }
    for pinned in pins {
        // One that is gone takes no room.
        let path = pin_path(workspace, pinned).ok();
        let size = path.and_then(|path| Some(std::fs::metadata(path).ok()?.len()));
        bytes += size.unwrap_or(0);
    }
    if bytes > PINS_BYTES_MAX {
        return Err(PinError::TooMuch(bytes));
    }
    Ok(())
}

fn read_pin(workspace: &Path, file: &str) -> Result<String, PinError> {
    let path = pin_path(workspace, file)?;
    let mut bytes = read_start(&path, PIN_BYTES_MAX)?;
    bytes.truncate(usize::try_from(PIN_BYTES_MAX).unwrap_or(usize::MAX));
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Follows links before it looks where the file is: the workspace is the fence.
fn pin_path(workspace: &Path, file: &str) -> Result<PathBuf, PinError> {
    let path = workspace.join(file).canonicalize()?;
    if path.starts_with(workspace.canonicalize()?) {
        Ok(path)
    } else {
        Err(PinError::Outside)
    }
}

/// As much of a file as the prompt can hold, and a little more, so that the cut is noticed. Tools
/// may have put anything in its place; what never ends or never begins is not read.
fn read_start(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}
