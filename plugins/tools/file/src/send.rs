//! `file_send`.

use std::path::Path;

use rivetos_types::media::{ATTACHMENT_BYTES_MAX, SentFile};
use rivetos_types::tool::{Effect, Tool, ToolContext, ToolError, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use crate::{fence, text};

/// Sends a file along with the reply.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileSend;

/// The arguments of [`FileSend`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSendArgs {
    /// The file, relative to the workspace.
    pub path: String,
}

impl Tool for FileSend {
    type Args = FileSendArgs;

    fn name(&self) -> &'static str {
        "file_send"
    }

    fn description(&self) -> &'static str {
        "Sends a file of the workspace to the person, as it is now, together with your reply."
    }

    fn effect(&self) -> Effect {
        // Nobody gets anything before the reply, and a repeated call replaces what it sent.
        Effect::ReadOnly
    }

    async fn call(&self, args: Self::Args, context: &ToolContext) -> Result<ToolOutput, ToolError> {
        let workspace = context.workspace.clone();
        spawn_blocking(move || send(&workspace, &args.path))
            .await
            .map_err(|error| ToolError::Fatal(error.to_string()))?
    }
}

fn send(workspace: &Path, path: &str) -> Result<ToolOutput, ToolError> {
    let real = fence::existing(workspace, path)?;
    let content = text::bytes(&real, path)?;
    let refuse = |why: String| Err(ToolError::ForModel(format!("`{path}` {why}")));
    if content.is_empty() {
        return refuse("is empty".to_owned());
    }
    if content.len() > ATTACHMENT_BYTES_MAX {
        return refuse(format!("has more than {ATTACHMENT_BYTES_MAX} bytes"));
    }
    let name = real.file_name().map(|name| name.display().to_string());
    Ok(ToolOutput {
        text: format!("`{path}` goes with the reply"),
        files: vec![SentFile {
            name: name.unwrap_or_default(),
            content,
        }],
    })
}
