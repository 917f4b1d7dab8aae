//! The files that came with messages: one folder per session below the workspace, where the tools
//! of the agent reach them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use data_encoding::HEXLOWER;
use rivetos_types::id::SessionId;
use rivetos_types::intake::KeepError;
use rivetos_types::media::{
    ATTACHMENT_BYTES_MAX, ATTACHMENTS_BYTES_MAX, ATTACHMENTS_MAX, Attachment, FileDigest,
    MediaType, SentFile,
};
use sha2::{Digest, Sha256};

/// Below the workspace.
const FOLDER: &str = ".media";

/// What is kept for one session, in bytes; beyond it the oldest files go.
const SESSION_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A file of this age may still be waiting for its turn.
const FRESH: Duration = Duration::from_hours(1);

/// How much of a digest names a session's folder, in characters.
const SESSION_CHARS: usize = 16;

/// How much of a digest names a file, in characters: 128 bits.
const FILE_CHARS: usize = 32;

/// Where attachments are kept.
pub(crate) struct Media {
    workspace: PathBuf,
    /// So that two writers of one file have drafts of their own.
    drafts: AtomicU64,
}

impl Media {
    pub(crate) fn new(workspace: PathBuf) -> Self {
        Self {
            workspace,
            drafts: AtomicU64::new(0),
        }
    }

    /// Keeps the files that a tool sends, of whatever kind they are.
    pub(crate) fn keep_any(
        &self,
        session: &SessionId,
        files: &[SentFile],
    ) -> Result<Vec<Attachment>, KeepError> {
        let kind = |file: &SentFile| Ok(MediaType::of(&file.content).unwrap_or(MediaType::Other));
        let kept = self.store(session, files, kind)?;
        // The model knows what it sends.
        let line_only = |attachment| Attachment {
            text: None,
            ..attachment
        };
        Ok(kept.into_iter().map(line_only).collect())
    }

    /// Keeps the files of one message. When it returns `Ok`, they survive loss of power. Keeping
    /// one twice is harmless.
    pub(crate) fn keep(
        &self,
        session: &SessionId,
        files: &[SentFile],
    ) -> Result<Vec<Attachment>, KeepError> {
        self.store(session, files, |file| {
            let name = || file.name.clone();
            MediaType::of(&file.content).ok_or_else(|| KeepError::Kind { name: name() })
        })
    }

    fn store(
        &self,
        session: &SessionId,
        files: &[SentFile],
        kind: impl Fn(&SentFile) -> Result<MediaType, KeepError>,
    ) -> Result<Vec<Attachment>, KeepError> {
        check_sizes(files)?;
        let session = HEXLOWER.encode(&Sha256::digest(session.as_str()));
        let session = session.get(..SESSION_CHARS).unwrap_or_default();
        let described: Result<Vec<_>, _> = files
            .iter()
            .map(|file| Ok(describe(session, file, kind(file)?)))
            .collect();
        let described = described?;
        if described.is_empty() {
            return Ok(described);
        }
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::QuotaExceeded => KeepError::SessionFull(SESSION_BYTES_MAX),
            _ => KeepError::Store(error.to_string()),
        };
        let folder = self.folder(session).map_err(failed)?;
        for (file, attachment) in files.iter().zip(&described) {
            let path = self.workspace.join(&attachment.path);
            self.write(&folder, &path, &file.content).map_err(failed)?;
        }
        // The names are in the folder, the folder is in its own.
        for folder in folder.ancestors().take(3) {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(failed)?;
        }
        Ok(described)
    }

    /// The bytes of a file that is kept. Tools may have changed or removed it since.
    pub(crate) fn read(&self, attachment: &Attachment) -> io::Result<Vec<u8>> {
        let file = File::open(self.workspace.join(&attachment.path))?;
        let mut content = Vec::new();
        file.take(attachment.bytes).read_to_end(&mut content)?;
        if digest_of(&content) == attachment.digest {
            return Ok(content);
        }
        Err(io::Error::other("it is not what was sent any more"))
    }

    /// The folder of a session, with room for one more message.
    fn folder(&self, session: &str) -> io::Result<PathBuf> {
        let folder = self.workspace.join(FOLDER).join(session);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        // A link would lead files, and what removes the oldest, to somewhere else.
        for folder in folder.ancestors().take(2) {
            if !fs::symlink_metadata(folder)?.is_dir() {
                return Err(io::Error::other(format!(
                    "`{}` is not a folder",
                    folder.display()
                )));
            }
        }
        make_room(&folder, SystemTime::now())?;
        Ok(folder)
    }

    /// A file has its name only when it is whole.
    fn write(&self, folder: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
        if is_there(path, content) {
            // It is as young as the message that it came with last.
            return OpenOptions::new()
                .write(true)
                .open(path)?
                .set_modified(SystemTime::now());
        }
        let number = self.drafts.fetch_add(1, Ordering::Relaxed);
        let draft = folder.join(format!(".draft-{}-{number}", std::process::id()));
        let written = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| {
                file.write_all(content)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&draft, path));
        if written.is_err() {
            // It takes room that the disk may not have.
            let _ = fs::remove_file(&draft);
        }
        written
    }
}

fn check_sizes(files: &[SentFile]) -> Result<(), KeepError> {
    if files.len() > ATTACHMENTS_MAX {
        return Err(KeepError::TooMany(files.len()));
    }
    let long = |file: &&SentFile| file.content.len() > ATTACHMENT_BYTES_MAX;
    if let Some(file) = files.iter().find(long) {
        return Err(KeepError::TooLarge {
            name: file.name.clone(),
            bytes: file.content.len(),
        });
    }
    let bytes = files.iter().map(|file| file.content.len()).sum();
    if bytes > ATTACHMENTS_BYTES_MAX {
        return Err(KeepError::TooMuch(bytes));
    }
    Ok(())
}

fn describe(session: &str, file: &SentFile, media: MediaType) -> Attachment {
    let digest = digest_of(&file.content);
    let name = digest.0.get(..FILE_CHARS).unwrap_or_default();
    let path = format!("{FOLDER}/{session}/{name}.{}", media.extension());
    Attachment::new(file, media, digest, path)
}

fn digest_of(content: &[u8]) -> FileDigest {
    FileDigest(HEXLOWER.encode(&Sha256::digest(content)))
}

fn is_there(path: &Path, content: &[u8]) -> bool {
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    fs::symlink_metadata(path).is_ok_and(|known| known.is_file() && known.len() == length)
        && fs::read(path).is_ok_and(|known| known == content)
}

/// Removes the oldest files of a session that has too many, for one message more.
fn make_room(folder: &Path, now: SystemTime) -> io::Result<()> {
    let mut files = Vec::new();
    let mut bytes: u64 = ATTACHMENTS_BYTES_MAX.try_into().unwrap_or(u64::MAX);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let known = entry.metadata()?;
        if known.is_file() {
            bytes = bytes.saturating_add(known.len());
            files.push((known.modified()?, entry.path(), known.len()));
        }
    }
    files.sort();
    for (modified, path, length) in files {
        if bytes <= SESSION_BYTES_MAX {
            return Ok(());
        }
        // A file from the future is as old as one of now.
        if now.duration_since(modified).unwrap_or_default() < FRESH {
            break;
        }
        fs::remove_file(path)?;
        bytes = bytes.saturating_sub(length);
    }
    if bytes > SESSION_BYTES_MAX {
        return Err(io::ErrorKind::QuotaExceeded.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
