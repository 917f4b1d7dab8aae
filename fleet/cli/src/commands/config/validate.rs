//! `rivetos config validate`

use std::path::Path;

use rivetos_config::Problem;
use rivetos_fleet::{Note, Severity};
use serde::Serialize;

use crate::exit::Exit;
use crate::fleet::{FileError, FleetFile, Secrets, deny, locate, notes};
use crate::output::{Failure, Format, Printer};
use crate::settings::Globals;

#[derive(Serialize)]
struct ValidateReport<'a> {
    schema_version: u32,
    file: String,
    valid: bool,
    problems: Vec<ProblemReport<'a>>,
    warnings: Vec<ProblemReport<'a>>,
    notes: Vec<NoteReport>,
}

#[derive(Serialize)]
struct ProblemReport<'a> {
    file: &'a str,
    line: u64,
    column: u64,
    path: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
}

impl<'a> From<&'a Problem> for ProblemReport<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self {
            file: &problem.file,
            line: problem.line,
            column: problem.column,
            path: &problem.path,
            message: &problem.message,
            hint: problem.hint.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct NoteReport {
    severity: &'static str,
    message: String,
    fix: Option<String>,
}

impl From<&Note> for NoteReport {
    fn from(note: &Note) -> Self {
        Self {
            severity: match note.severity() {
                Severity::Deny => "deny",
                Severity::Warn => "warn",
            },
            message: note.to_string(),
            fix: note.fix(),
        }
    }
}

/// Reads the file as `up` would, and changes nothing.
pub(super) fn run(
    globals: &Globals,
    file: Option<&Path>,
    printer: Printer,
) -> Result<Exit, Failure> {
    let file = match file {
        Some(file) => file.to_owned(),
        None => locate(globals.config.as_deref(), &globals.home)?.path,
    };
    let read = match FleetFile::read(&file, Secrets::Needed) {
        Ok(read) => read,
        Err(error) => return refuse(error, &file, printer),
    };
    let notes = notes(&read, &file, globals)?;
    let denied = notes.iter().any(|note| note.severity() == Severity::Deny);
    match printer.format() {
        Format::Json => {
            printer.json(&ValidateReport {
                schema_version: 1,
                file: file.display().to_string(),
                valid: !denied,
                problems: Vec::new(),
                warnings: read.warnings.iter().map(Into::into).collect(),
                notes: notes.iter().map(Into::into).collect(),
            });
            Ok(if denied { Exit::Usage } else { Exit::Ok })
        }
        Format::Text => {
            let warned = notes
                .iter()
                .filter(|note| note.severity() == Severity::Warn);
            let warnings = read.warnings.len() + warned.count();
            read.warn(printer);
            deny(notes, &file, printer)?;
            printer.data(match warnings {
                0 => "valid".to_owned(),
                1 => "valid, with 1 warning".to_owned(),
                several => format!("valid, with {several} warnings"),
            });
            Ok(Exit::Ok)
        }
    }
}

fn refuse(error: FileError, file: &Path, printer: Printer) -> Result<Exit, Failure> {
    match (printer.format(), error.problems()) {
        (Format::Json, Some(problems)) => {
            printer.json(&ValidateReport {
                schema_version: 1,
                file: file.display().to_string(),
                valid: false,
                problems: problems.0.iter().map(Into::into).collect(),
                warnings: Vec::new(),
                notes: Vec::new(),
            });
            Ok(Exit::Usage)
        }
        (Format::Json, None) | (Format::Text, _) => Err(error.into()),
    }
}
