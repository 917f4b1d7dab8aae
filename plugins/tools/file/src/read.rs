//! `file_read`.

use rivetos_types::tool::{Effect, Tool, ToolContext, ToolError, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use crate::{fence, text};

/// Room for the note that says what was cut, in bytes.
const NOTE_BYTES: usize = 120;

/// Reads a text file, or some lines of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileRead;

/// The arguments of [`FileRead`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileReadArgs {
    /// The file, relative to the workspace.
    pub path: String,
    /// The first line to read, counted from 1. Default: the first of the file.
    pub start_line: Option<usize>,
    /// The last line to read, included. Default: the last of the file.
    pub end_line: Option<usize>,
}

impl Tool for FileRead {
    type Args = FileReadArgs;

    fn name(&self) -> &'static str {
        "file_read"
    }

    fn description(&self) -> &'static str {
        "Reads a text file of the workspace, whole or from one line to another."
    }

    fn effect(&self) -> Effect {
        Effect::ReadOnly
    }

    async fn call(&self, args: Self::Args, context: &ToolContext) -> Result<ToolOutput, ToolError> {
        let (workspace, max) = (context.workspace.clone(), context.output_bytes_max);
        let work = move || {
            let real = fence::existing(&workspace, &args.path)?;
            let bytes = text::content(&real, &args.path)?;
            select(&String::from_utf8_lossy(&bytes), &args, max)
        };
        spawn_blocking(work)
            .await
            .map_err(|error| ToolError::Fatal(error.to_string()))?
            .map(ToolOutput::from)
    }
}

/// The asked lines, cut after the last whole line that fits.
fn select(text: &str, args: &FileReadArgs, bytes_max: usize) -> Result<String, ToolError> {
    let count = text.lines().count();
    let first = args.start_line.unwrap_or(1).max(1);
    let last = args.end_line.unwrap_or(count).min(count);
    if count == 0 {
        return Ok("(the file is empty)".to_owned());
    }
    if first > last {
        let why = format!(
            "`{}` has {count} lines; {first} to {last} are none",
            args.path
        );
        return Err(ToolError::ForModel(why));
    }
    let lines = text
        .split_inclusive('\n')
        .skip(first - 1)
        .take(last + 1 - first);
    if lines.clone().map(str::len).sum::<usize>() <= bytes_max {
        return Ok(lines.collect());
    }
    let room = bytes_max.saturating_sub(NOTE_BYTES);
    let mut out = String::new();
    let mut next = first;
    for line in lines {
        if out.len() + line.len() > room {
            break;
        }
        out.push_str(line);
        next += 1;
    }
    let note = if next == first {
        let line = text
            .split_inclusive('\n')
            .nth(first - 1)
            .unwrap_or_default();
        out.push_str(&line[..line.floor_char_boundary(room)]);
        format!("\n[cut: line {first} of {count} is too long to be shown whole]")
    } else {
        format!("[cut: go on with start_line {next}, the file has {count} lines]")
    };
    out.push_str(&note);
    Ok(out)
}
