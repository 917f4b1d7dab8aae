//! Folders that are there whole or not at all, with their labels inside.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use rivetos_fleet::model::Fingerprint;
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// The file in a folder of ours that holds its labels as JSON.
const LABELS_FILE: &str = ".rivetos.json";

/// The names of a folder that is being made and of one that is being removed: beside it, so that
/// one rename makes it appear or disappear as a whole.
const MAKING: &str = "part";
const REMOVING: &str = "gone";

/// What is at a path where a folder of ours may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// Something without labels.
    Unlabelled,
    /// A folder with labels.
    Labelled {
        /// As they were written.
        labels: BTreeMap<String, String>,
        /// Another one whenever the folder was made anew.
        fingerprint: Fingerprint,
    },
}

/// Looks at `path`.
pub(crate) fn look(path: &Path) -> io::Result<Found> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Ok(Found::Unlabelled),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    }
    let labels = path.join(LABELS_FILE);
    match fs::read(&labels) {
        Ok(bytes) => Ok(match serde_json::from_slice(&bytes) {
            Ok(read) => Found::Labelled {
                labels: read,
                fingerprint: fingerprint(&labels)?,
            },
            Err(_) => Found::Unlabelled,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Unlabelled),
        Err(error) => Err(error),
    }
}

/// Identity of a file that is written once: another file or another write is another value.
pub(crate) fn fingerprint(path: &Path) -> io::Result<Fingerprint> {
    let metadata = fs::metadata(path)?;
    Ok(Fingerprint(format!(
        "{}-{}.{:09}",
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec()
    )))
}

/// Makes the folder `path` (0700) with `labels` and `files` (0400, by relative path). Until it is
/// whole it is not there; what is there already stays and makes this fail.
pub(crate) fn make(
    path: &Path,
    labels: &BTreeMap<String, String>,
    files: &BTreeMap<String, Vec<u8>>,
) -> io::Result<()> {
    let draft = beside(path, MAKING)?;
    remove_if_there(&draft)?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&draft)?;
    for (relative, content) in files {
        let target = inside(&draft, relative)?;
        if let Some(parent) = target.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)?;
        }
        write_new(&target, content)?;
    }
    write_new(
        &draft.join(LABELS_FILE),
        &serde_json::to_vec_pretty(labels)?,
    )?;
    Ok(renameat_with(
        CWD,
        &draft,
        CWD,
        path,
        RenameFlags::NOREPLACE,
    )?)
}

/// Gives the folder `path`, which is there, other labels: the old ones or the new ones, never none.
pub(crate) fn label(path: &Path, labels: &BTreeMap<String, String>) -> io::Result<()> {
    let file = path.join(LABELS_FILE);
    let draft = beside(&file, MAKING)?;
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    write_new(&draft, &serde_json::to_vec_pretty(labels)?)?;
    fs::rename(&draft, &file)
}

/// Takes the labels off the folder `path`.
pub(crate) fn unlabel(path: &Path) -> io::Result<()> {
    fs::remove_file(path.join(LABELS_FILE))
}

/// Removes the folder `path` with everything in it. As soon as this begins it is not there.
pub(crate) async fn remove(path: &Path) -> io::Result<()> {
    let gone = beside(path, REMOVING)?;
    remove_if_there(&gone)?;
    fs::rename(path, &gone)?;
    tokio::fs::remove_dir_all(&gone).await
}

/// The path of `relative` in `folder`; refuses to leave the folder.
pub(crate) fn inside(folder: &Path, relative: &str) -> io::Result<PathBuf> {
    let path = Path::new(relative);
    if relative.is_empty()
        || !path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
    {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{relative}` is not a path within the folder"),
        ));
    }
    Ok(folder.join(path))
}

fn beside(path: &Path, extension: &str) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut sibling = std::ffi::OsString::from(".");
    sibling.push(name);
    sibling.push(".");
    sibling.push(extension);
    Ok(path.with_file_name(sibling))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o400)
        .open(path)?;
    file.write_all(content)?;
    file.sync_data()
}
