//! Files of backups and their checksums.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use data_encoding::HEXLOWER_PERMISSIVE;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWrite;

/// Only the operator reads what agents stored.
const MODE: u32 = 0o600;
/// How much is read at once, in bytes.
const CHUNK_BYTES: usize = 1024 * 1024;

/// A SHA-256, 64 hex digits.
pub(super) type Checksum = String;

/// `name` with something behind it.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Makes a file that is not there yet.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(path)
}

/// The line that `sha256sum --check` understands.
pub(super) fn checksum_line(checksum: &Checksum, path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    format!("{checksum}  {}\n", name.display())
}

/// The checksum in a file that `sha256sum` or a backup wrote.
pub(super) fn read_checksum(path: &Path) -> io::Result<Option<Checksum>> {
    let text = fs::read_to_string(path)?;
    let word = text.split_whitespace().next().unwrap_or_default();
    let word = word.to_ascii_lowercase();
    let is_checksum = HEXLOWER_PERMISSIVE
        .decode(word.as_bytes())
        .is_ok_and(|bytes| bytes.len() == <Sha256 as Digest>::output_size());
    Ok(is_checksum.then_some(word))
}

/// What is on the disk.
pub(super) async fn checksum_of(path: &Path) -> io::Result<Checksum> {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut file = File::open(path)?;
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut digest = Sha256::new();
        loop {
            match file.read(&mut chunk)? {
                0 => return Ok(hex(digest)),
                size => digest.update(&chunk[..size]),
            }
        }
    });
    read.await.map_err(io::Error::other)?
}

fn hex(digest: Sha256) -> Checksum {
    data_encoding::HEXLOWER.encode(&digest.finalize())
}

/// A file whose checksum is taken while it is written.
pub(super) struct Summed {
    file: tokio::fs::File,
    digest: Sha256,
    bytes: u64,
}

impl Summed {
    pub(super) fn new(file: File) -> Self {
        Self {
            file: file.into(),
            digest: Sha256::new(),
            bytes: 0,
        }
    }

    /// Its size and checksum, once it is safe on the disk.
    pub(super) async fn finish(self) -> io::Result<(u64, Checksum)> {
        self.file.sync_all().await?;
        Ok((self.bytes, hex(self.digest)))
    }
}

impl AsyncWrite for Summed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let size = ready!(Pin::new(&mut self.file).poll_write(cx, bytes))?;
        self.digest.update(&bytes[..size]);
        self.bytes += size as u64;
        Poll::Ready(Ok(size))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_shutdown(cx)
    }
}

/// Files that are removed again unless all goes well.
#[derive(Default)]
pub(super) struct Drafts(Vec<PathBuf>);

impl Drafts {
    pub(super) fn add(&mut self, path: &Path) {
        self.0.push(path.to_owned());
    }

    pub(super) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Drafts {
    fn drop(&mut self) {
        for path in &self.0 {
            // One that stays is named by the next backup that wants its name.
            let _ = fs::remove_file(path);
        }
    }
}
