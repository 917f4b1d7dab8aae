//! The fleet's file, read.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use rivetos_config::{Config, Environment, Problem, Problems};
use thiserror::Error;

use crate::exit::Exit;
use crate::output::{Edge, Printer};
use crate::secrets::{EnvFileError, OperatorSecrets, Variables};

/// Why the file cannot be used.
#[derive(Debug, Error)]
pub(crate) enum FileError {
    #[error("the configuration file `{}` cannot be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the configuration file `{}` has {} problem{}", path.display(), problems.0.len(), if problems.0.len() == 1 { "" } else { "s" })]
    Invalid { path: PathBuf, problems: Problems },
    #[error(transparent)]
    Variables(#[from] EnvFileError),
}

impl FileError {
    /// What is wrong in the file, or in the one with variables beside it.
    pub(crate) fn problems(&self) -> Option<&Problems> {
        match self {
            Self::Invalid { problems, .. }
            | Self::Variables(EnvFileError::Invalid { problems, .. }) => Some(problems),
            Self::Unreadable { .. } | Self::Variables(EnvFileError::Unreadable { .. }) => None,
        }
    }
}

impl Edge for FileError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn details(&self) -> Vec<String> {
        let problems = self.problems().map(|problems| &problems.0[..]);
        let problems = problems.unwrap_or_default();
        problems.iter().map(ToString::to_string).collect()
    }
}

/// Whether the values of secrets must be at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrets {
    /// Something is made from them.
    Needed,
    /// Nothing will be made from them. One that is not at hand compares as unknown.
    NotNeeded,
}

/// The variables of the operator for one reading.
struct Surroundings<'a> {
    variables: &'a Variables,
    secrets: Secrets,
}

impl Environment for Surroundings<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.variables.get(name)
    }

    fn needs_secrets(&self) -> bool {
        self.secrets == Secrets::Needed
    }
}

/// A fleet's file that can be used.
pub(crate) struct FleetFile {
    /// What it says.
    pub(crate) config: Config,
    /// Finds the secrets that it names.
    pub(crate) secrets: Arc<OperatorSecrets>,
    /// What it says that may not be meant.
    pub(crate) warnings: Vec<Problem>,
}

impl FleetFile {
    /// Reads the file at `path` with the variables beside it.
    pub(crate) fn read(path: &Path, secrets: Secrets) -> Result<Self, FileError> {
        let text = fs::read_to_string(path).map_err(|source| FileError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path, secrets)
    }

    /// Reads `text` as if it stood in the file at `path`.
    pub(crate) fn parse(text: &str, path: &Path, secrets: Secrets) -> Result<Self, FileError> {
        let variables = Variables::beside(path)?;
        let name = path.display().to_string();
        let surroundings = Surroundings {
            variables: &variables,
            secrets,
        };
        let parsed = rivetos_config::parse(text, &name, &surroundings).map_err(|problems| {
            FileError::Invalid {
                path: path.to_owned(),
                problems,
            }
        })?;
        let mut warnings = parsed.warnings;
        warnings.extend(variables.exposed.as_deref().map(exposed));
        Ok(Self {
            config: parsed.config,
            secrets: Arc::new(OperatorSecrets::new(variables, parsed.written)),
            warnings,
        })
    }

    /// Shows what may not be meant.
    pub(crate) fn warn(&self, printer: Printer) {
        for warning in &self.warnings {
            printer.talk(format_args!(
                "{} {warning}",
                printer.err().yellow("warning:")
            ));
        }
    }
}

fn exposed(path: &Path) -> Problem {
    Problem {
        file: path.display().to_string(),
        line: 1,
        column: 1,
        path: String::new(),
        message: "others than you can read or change this file".to_owned(),
        hint: Some(format!("chmod 600 {}", path.display())),
    }
}
