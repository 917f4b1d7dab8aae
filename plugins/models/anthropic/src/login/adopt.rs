//! A login that a person made elsewhere becomes a program's own.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rivetos_types::secret::Secret;
use sha2::{Digest, Sha256};

use super::file::{PRIVATE, beside, failed, make_folder, parsed};
use super::{LoginError, Verb};

/// What became of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    /// It is another one than before: it is now the own one.
    New,
    /// It was taken over before, or there is none to take over. The own tokens stay: they may have
    /// been renewed since.
    Known,
}

/// Copies the tokens of the file `written` to the file `own`, once: which ones were copied is noted
/// beside `own`, so that tokens which were renewed there are never replaced by older ones.
///
/// # Errors
/// What is written holds no tokens, or a file cannot be read or written. `own` is whole at any time.
pub fn adopt(written: &Path, own: &Path) -> Result<Adopted, LoginError> {
    let text = match fs::read_to_string(written) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Adopted::Known),
        read => Secret::new(read.map_err(|error| failed(written, Verb::Read, error))?),
    };
    parsed(written, text.expose())?;
    let name = data_encoding::HEXLOWER.encode(&Sha256::digest(text.expose().as_bytes()));
    let noted = beside(own, ".from");
    let before = fs::read_to_string(&noted).unwrap_or_default();
    if before == name && own.exists() {
        return Ok(Adopted::Known);
    }
    make_folder(own)?;
    // In this order: what is lost in between is done again at the next start.
    put(own, text.expose()).map_err(|error| failed(own, Verb::Written, error))?;
    put(&noted, &name).map_err(|error| failed(&noted, Verb::Written, error))?;
    Ok(Adopted::New)
}

/// Puts `text` into the file at `path`, for its owner only, as a whole or not at all.
fn put(path: &Path, text: &str) -> io::Result<()> {
    let draft = beside(path, ".new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(PRIVATE)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}
