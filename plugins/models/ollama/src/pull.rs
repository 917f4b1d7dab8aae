//! What a server tells while it fetches a model.

use rivetos_http::{End, words};
use rivetos_types::model::ModelError;
use serde::Deserialize;
use serde_json::Value;

use crate::error;
use crate::lines::{Lines, TooLong};

/// How far a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// What it does, in its own words.
    Doing(String),
    /// How much it has of one of the files, which may come in any order and at once.
    Has {
        /// The name of the file.
        digest: String,
        /// What it has, in bytes.
        bytes: u64,
        /// What there is, in bytes.
        of: u64,
    },
    /// The model is there. Nothing follows.
    Done,
}

/// Reads what a server tells, in pieces of any size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullReader {
    lines: Lines,
    over: bool,
}

impl PullReader {
    /// A reader at the start of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the last word was said.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Takes more of the body and appends what it says.
    ///
    /// # Errors
    /// The server has given up, or says what cannot be read.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Progress>) -> Result<(), ModelError> {
        let mut bytes = bytes;
        while !self.over {
            let line = self.lines.push(&mut bytes);
            let line = line.map_err(|TooLong| self.broken("a line is too long".to_owned()))?;
            let Some(line) = line else {
                break;
            };
            let read = self.line(&line, out);
            self.lines.done(line);
            read?;
        }
        Ok(())
    }

    /// The body has ended.
    ///
    /// # Errors
    /// The model is not there.
    pub fn end(&mut self, end: End, out: &mut Vec<Progress>) -> Result<(), ModelError> {
        if !self.over && end == End::Clean {
            let line = self.lines.rest();
            self.line(&line, out)?;
        }
        if self.over {
            return Ok(());
        }
        Err(self.broken("the server stopped telling how far it is".to_owned()))
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<Progress>) -> Result<(), ModelError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let told: Told = serde_json::from_slice(line)
            .map_err(|error| self.broken(format!("a line cannot be read: {error}")))?;
        if let Some(error) = told.error.filter(|error| !error.is_null()) {
            self.over = true;
            return Err(error::in_stream(&error));
        }
        let status = told.status.unwrap_or_default();
        if status == "success" {
            self.over = true;
            out.push(Progress::Done);
            return Ok(());
        }
        out.push(match (told.digest, told.total) {
            (Some(digest), Some(of)) => Progress::Has {
                digest,
                bytes: told.completed.unwrap_or(0).min(of),
                of,
            },
            (_, _) => Progress::Doing(words(&status)),
        });
        Ok(())
    }

    fn broken(&mut self, message: String) -> ModelError {
        self.over = true;
        ModelError::Incomplete { message }
    }
}

#[derive(Debug, Deserialize)]
struct Told {
    error: Option<Value>,
    status: Option<String>,
    digest: Option<String>,
    total: Option<u64>,
    completed: Option<u64>,
}

#[cfg(test)]
mod tests;
