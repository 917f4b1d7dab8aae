//! Files of days that are over, made small.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

/// How long another process may take for a file before it is taken for dead.
const PACKING_MAX: Duration = Duration::from_hours(1);

/// Makes the files smaller, one after the other, in a thread of its own: entries that are written
/// meanwhile do not wait. What fails stays as it is until the next day.
pub(super) fn pack_all(paths: Vec<PathBuf>) -> io::Result<()> {
    if paths.is_empty() {
        return Ok(());
    }
    thread::Builder::new()
        .name("audit-pack".to_owned())
        .spawn(move || {
            for path in paths {
                if let Err(error) = pack(&path) {
                    let path = path.display();
                    tracing::warn!(%path, %error, "a file of the audit log stays as large as it is");
                }
            }
        })
        .map(drop)
}

/// At every time one of the two files is whole. Whoever is killed in between leaves both, and the
/// next one begins anew.
fn pack(path: &Path) -> io::Result<()> {
    let Some(mut from) = absent(File::open(path))? else {
        // Another process was here, or the file was too old.
        return Ok(());
    };
    let part = with_end(path, ".gz.part");
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(&part);
    let to = match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let began = std::fs::metadata(&part)?.modified()?;
            if began.elapsed().is_ok_and(|since| since > PACKING_MAX) {
                std::fs::remove_file(&part)?;
            }
            return Ok(());
        }
        made => made?,
    };
    let packed = copy(&mut from, to).and_then(|()| {
        std::fs::rename(&part, with_end(path, ".gz"))?;
        absent(std::fs::remove_file(path)).map(drop)
    });
    if packed.is_err() {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(&part);
    }
    packed
}

fn copy(from: &mut File, to: File) -> io::Result<()> {
    let mut encoder = GzEncoder::new(to, Compression::default());
    io::copy(from, &mut encoder)?;
    encoder.finish()?.sync_all()
}

/// `None` when there is no such file.
fn absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
