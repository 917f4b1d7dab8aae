//! Where problems are collected.

use std::collections::BTreeMap;

use rivetos_types::secret::{Secret, SecretRef};

use crate::environment::{Environment, interpolate};
use crate::model::Config;
use crate::node::Place;
use crate::problem::{Problem, Problems};

use super::Parsed;

/// What reading one file needs to know and what it found wrong so far.
pub(super) struct Reader<'a> {
    file: &'a str,
    environment: &'a dyn Environment,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    written: BTreeMap<String, Secret<String>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a str, environment: &'a dyn Environment) -> Self {
        Self {
            file,
            environment,
            problems: Vec::new(),
            warnings: Vec::new(),
            written: BTreeMap::new(),
        }
    }

    /// Something that keeps the file from being used.
    pub(super) fn problem(&mut self, at: Place, path: &str, message: String, hint: Option<String>) {
        let problem = self.at(at, path, message, hint);
        self.problems.push(problem);
    }

    /// Something that has no effect.
    pub(super) fn warning(&mut self, at: Place, path: &str, message: String, hint: String) {
        let warning = self.at(at, path, message, Some(hint));
        self.warnings.push(warning);
    }

    fn at(&self, at: Place, path: &str, message: String, hint: Option<String>) -> Problem {
        let Place { line, column } = at;
        Problem {
            file: self.file.to_owned(),
            line,
            column,
            path: path.to_owned(),
            message,
            hint,
        }
    }

    /// Keeps a secret that stands in the file itself.
    pub(super) fn keep(&mut self, path: &str, secret: &str) -> SecretRef {
        self.written.insert(path.to_owned(), Secret::from(secret));
        SecretRef::Written(path.to_owned())
    }

    /// Whether the value of the key `path` was kept as a secret.
    pub(super) fn is_kept(&self, path: &str) -> bool {
        self.written.contains_key(path)
    }

    /// The value of an environment variable.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name)
    }

    /// Whether a variable that is a secret must have a value.
    pub(super) fn needs_secrets(&self) -> bool {
        self.environment.needs_secrets()
    }

    /// `text` with its variables put in.
    pub(super) fn interpolate(&mut self, at: Place, path: &str, text: &str) -> Option<String> {
        match interpolate(text, self.environment) {
            Ok(text) => Some(text),
            Err(unresolved) => {
                self.problem(at, path, unresolved.message, Some(unresolved.hint));
                None
            }
        }
    }

    /// Why the variables of `text` cannot be put in, if so.
    pub(super) fn unresolved(&self, text: &str) -> Option<String> {
        let resolved = interpolate(text, self.environment);
        resolved.err().map(|unresolved| unresolved.message)
    }

    /// The result: `config` unless something keeps the file from being used.
    pub(super) fn finish(mut self, config: Option<Config>) -> Result<Parsed, Problems> {
        let place = |problem: &Problem| (problem.line, problem.column);
        self.problems.sort_by_key(place);
        self.warnings.sort_by_key(place);
        match config {
            Some(config) if self.problems.is_empty() => Ok(Parsed {
                config,
                warnings: self.warnings,
                written: self.written,
            }),
            _ => Err(Problems(self.problems)),
        }
    }
}
