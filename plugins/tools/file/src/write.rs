//! `file_write`, and how files are replaced.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rivetos_types::tool::{Effect, Tool, ToolContext, ToolError, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use crate::fence;

/// Writes a whole file.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileWrite;

/// The arguments of [`FileWrite`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileWriteArgs {
    /// The file, relative to the workspace. Missing folders are made.
    pub path: String,
    /// The whole new content.
    pub content: String,
}

impl Tool for FileWrite {
    type Args = FileWriteArgs;

    fn name(&self) -> &'static str {
        "file_write"
    }

    fn description(&self) -> &'static str {
        "Writes a file of the workspace: makes it, or replaces all that it held."
    }

    fn effect(&self) -> Effect {
        Effect::Mutating
    }

    async fn call(&self, args: Self::Args, context: &ToolContext) -> Result<ToolOutput, ToolError> {
        let workspace = context.workspace.clone();
        let work = move || {
            let real = fence::writable(&workspace, &args.path)?;
            replace(&real, &args.path, args.content.as_bytes())?;
            Ok(format!(
                "wrote {} bytes to `{}`",
                args.content.len(),
                args.path
            ))
        };
        spawn_blocking(work)
            .await
            .map_err(|error| ToolError::Fatal(error.to_string()))?
            .map(ToolOutput::from)
    }
}

/// Gives the file `real` new content, wholly or not at all. An existing file keeps its mode.
pub(crate) fn replace(real: &Path, path: &str, content: &[u8]) -> Result<(), ToolError> {
    let refuse = |why: String| ToolError::ForModel(format!("`{path}` {why}"));
    let failed = |error: io::Error| refuse(format!("cannot be written: {error}"));
    let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else {
        return Err(refuse("is not a file".to_owned()));
    };
    let before = real.symlink_metadata().ok();
    if before.as_ref().is_some_and(|metadata| !metadata.is_file()) {
        return Err(refuse("is not a file".to_owned()));
    }
    fs::create_dir_all(folder).map_err(failed)?;
    let beside = folder.join(format!(".{}.{}.new", name.display(), unique()));
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside)?;
        if let Some(before) = before {
            file.set_permissions(before.permissions())?;
        }
        file.write_all(content)?;
        file.sync_data()?;
        fs::rename(&beside, real)
    };
    write().map_err(|error| {
        // Best effort: the error that is told is the one that happened first.
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

/// Different for every call of every process on the same files.
fn unique() -> String {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    format!(
        "{}-{}",
        std::process::id(),
        CALLS.fetch_add(1, Ordering::Relaxed)
    )
}
