//! The port to tools.

use std::future::Future;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::media::SentFile;

/// An action that the model can take.
///
/// # Contract
/// - `call` checks its arguments and never touches anything outside what it documents.
/// - Dropping the future of `call` releases everything at once: processes (the whole group),
///   files, sockets.
/// - Output is cut to [`ToolContext::output_bytes_max`] by the tool, and says so when it was cut.
pub trait Tool: Send + Sync + 'static {
    /// The arguments; their JSON Schema is what the model sees.
    type Args: DeserializeOwned + JsonSchema + Send;

    /// The name that the model calls; stable, snake case.
    fn name(&self) -> &'static str;

    /// What it does, for the model.
    fn description(&self) -> &'static str;

    /// Whether running it twice is harmless. `Mutating` when in doubt.
    fn effect(&self) -> Effect;

    /// Runs it once.
    fn call(
        &self,
        args: Self::Args,
        context: &ToolContext,
    ) -> impl Future<Output = Result<ToolOutput, ToolError>> + Send;
}

/// What a tool answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolOutput {
    /// What the model gets to read.
    pub text: String,
    /// What the person gets with the reply.
    pub files: Vec<SentFile>,
}

impl From<String> for ToolOutput {
    fn from(text: String) -> Self {
        Self {
            text,
            files: Vec::new(),
        }
    }
}

/// What a tool call may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing: it may be run again after a crash.
    ReadOnly,
    /// Something: it is never silently run again.
    Mutating,
}

/// Where and for whom a tool runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolContext {
    /// The agent's workspace; absolute, and the fence of the file tools.
    pub workspace: PathBuf,
    /// The most that a tool may answer, in bytes.
    pub output_bytes_max: usize,
    /// `<turn>/<step>/<index of the call>`: the same for a repeated call after a crash.
    pub idempotency_key: String,
}

/// What the model is told about a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// [`Tool::name`].
    pub name: String,
    /// [`Tool::description`].
    pub description: String,
    /// JSON Schema of [`Tool::Args`].
    pub parameters: serde_json::Value,
}

/// Why a tool failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ToolError {
    /// The model reads it and can try something else.
    #[error("{0}")]
    ForModel(String),
    /// The turn ends; the model never sees it.
    #[error("{0}")]
    Fatal(String),
}
