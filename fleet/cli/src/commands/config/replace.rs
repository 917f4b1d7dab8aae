//! A file is replaced by another one as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Permission bits of a file.
const MODE: u32 = 0o7777;

/// A file beside `path` with `text` and the same permissions. It must not be there yet.
pub(in crate::commands) fn write_beside(
    path: &Path,
    suffix: &str,
    text: &str,
) -> io::Result<PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    let beside = path.with_file_name(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(text.as_bytes())?;
    let mode = fs::metadata(path)?.permissions().mode() & MODE;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()?;
    Ok(beside)
}

/// Puts `new` in the place of `path`, with its permissions.
pub(in crate::commands) fn put_in_place(new: &Path, path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode() & MODE;
    fs::set_permissions(new, fs::Permissions::from_mode(mode))?;
    File::open(new)?.sync_all()?;
    fs::rename(new, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}
