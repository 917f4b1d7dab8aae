//! Reading a file as text.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rivetos_types::tool::ToolError;
use rustix::fs::OFlags;

/// The longest file that is read, in bytes.
pub(crate) const FILE_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// A zero byte within this many first bytes means that a file is no text.
const BINARY_PROBE_BYTES: usize = 8192;

/// The text of the regular file `real`; `path` is how the model calls it.
pub(crate) fn content(real: &Path, path: &str) -> Result<Vec<u8>, ToolError> {
    let bytes = bytes(real, path)?;
    if bytes.iter().take(BINARY_PROBE_BYTES).any(|byte| *byte == 0) {
        let why = format!("`{path}` is a binary file of {} bytes", bytes.len());
        return Err(ToolError::ForModel(why));
    }
    Ok(bytes)
}

/// The content of the regular file `real`, whatever it is.
pub(crate) fn bytes(real: &Path, path: &str) -> Result<Vec<u8>, ToolError> {
    let refuse = |why: String| ToolError::ForModel(format!("`{path}` {why}"));
    let unreadable = |error: std::io::Error| refuse(format!("cannot be read: {error}"));
    // The path was resolved before, so a link is new and a trap; opening a pipe must not block.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(real)
        .map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(refuse("is not a file".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(refuse(format!("has more than {FILE_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}
