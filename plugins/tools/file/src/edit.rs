//! `file_edit`.

use rivetos_types::tool::{Effect, Tool, ToolContext, ToolError, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use crate::{fence, text, write};

/// Replaces one place of a text file.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileEdit;

/// The arguments of [`FileEdit`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileEditArgs {
    /// The file, relative to the workspace.
    pub path: String,
    /// The text to replace, exactly as it stands in the file. It must stand there once.
    pub old_string: String,
    /// The text to put there.
    pub new_string: String,
}

impl Tool for FileEdit {
    type Args = FileEditArgs;

    fn name(&self) -> &'static str {
        "file_edit"
    }

    fn description(&self) -> &'static str {
        "Replaces a text that stands exactly once in a file of the workspace."
    }

    fn effect(&self) -> Effect {
        Effect::Mutating
    }

    async fn call(&self, args: Self::Args, context: &ToolContext) -> Result<ToolOutput, ToolError> {
        let workspace = context.workspace.clone();
        let work = move || edit(&workspace, &args);
        spawn_blocking(work)
            .await
            .map_err(|error| ToolError::Fatal(error.to_string()))?
            .map(ToolOutput::from)
    }
}

fn edit(workspace: &std::path::Path, args: &FileEditArgs) -> Result<String, ToolError> {
    let real = fence::existing(workspace, &args.path)?;
    let bytes = text::content(&real, &args.path)?;
    let refuse = |why: &str| ToolError::ForModel(format!("`{}` {why}", args.path));
    let before = String::from_utf8(bytes).map_err(|_| refuse("is not UTF-8 text"))?;
    let at = only_place(&before, &args.old_string).map_err(|why| refuse(&why))?;
    let (head, tail) = (&before[..at], &before[at + args.old_string.len()..]);
    let after = [head, args.new_string.as_str(), tail].concat();
    write::replace(&real, &args.path, after.as_bytes())?;
    let line = head.matches('\n').count() + 1;
    Ok(format!("edited `{}` at line {line}", args.path))
}

/// Where `wanted` stands, if that is one place only; places that overlap count too.
fn only_place(text: &str, wanted: &str) -> Result<usize, String> {
    let Some(step) = wanted.chars().next().map(char::len_utf8) else {
        return Err("cannot be edited: `old_string` is empty".to_owned());
    };
    let Some(first) = text.find(wanted) else {
        return Err("does not contain `old_string`".to_owned());
    };
    if text[first + step..].contains(wanted) {
        return Err("contains `old_string` more than once: add text around it".to_owned());
    }
    Ok(first)
}
