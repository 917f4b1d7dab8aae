//! Puts the agent's program where every later run of `rivetos` finds it.

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

const PROGRAM: &str = "rivetos-agent";

/// Copies `program` beside this program, unless the very same one is there already.
pub(crate) fn beside(program: &Path) -> io::Result<PathBuf> {
    let place = env::current_exe()?.with_file_name(PROGRAM);
    if fs::metadata(&place).is_ok_and(|there| there.is_file())
        && fs::read(&place)? == fs::read(program)?
    {
        return Ok(place);
    }
    // Renamed into place: a running agent keeps the program that it was started from.
    let draft = place.with_extension(format!("{}.tmp", process::id()));
    fs::copy(program, &draft)
        .and_then(|_| fs::rename(&draft, &place))
        .inspect_err(|_| drop(fs::remove_file(&draft)))?;
    Ok(place)
}
