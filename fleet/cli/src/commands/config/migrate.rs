//! `rivetos config migrate`

use std::path::PathBuf;
use std::{fs, io};

use rivetos_config::{Becomes, Change, Migrated, Problems, migrate};
use serde::Serialize;
use thiserror::Error;

use super::replace::{put_in_place, write_beside};
use crate::consent;
use crate::exit::Exit;
use crate::fleet::locate;
use crate::output::{Edge, Failure, Format, Printer};
use crate::settings::Globals;

/// What is kept of the old file.
const KEPT: &str = ".bak";
/// The new file until it is in place.
const NEW: &str = ".new";

/// Why the file stays as it is.
#[derive(Debug, Error)]
enum MigrateError {
    #[error("`{}` cannot be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("`{}` is not YAML", path.display())]
    Broken { path: PathBuf, problems: Problems },
    #[error("the old file cannot be kept as `{}{KEPT}`", path.display())]
    NotKept { path: PathBuf, source: io::Error },
    #[error("`{}` cannot be replaced", path.display())]
    NotReplaced { path: PathBuf, source: io::Error },
}

impl Edge for MigrateError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } | Self::Broken { .. } => Exit::Usage,
            Self::NotKept { .. } | Self::NotReplaced { .. } => Exit::Failed,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Broken { problems, .. } => problems.0.iter().map(ToString::to_string).collect(),
            Self::Unreadable { .. } | Self::NotKept { .. } | Self::NotReplaced { .. } => Vec::new(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotKept { .. } => vec!["move what is there away".into()],
            Self::Unreadable { .. } | Self::Broken { .. } | Self::NotReplaced { .. } => Vec::new(),
        }
    }
}

#[derive(Serialize)]
struct MigrateReport<'a> {
    schema_version: u32,
    file: String,
    changes: Vec<ChangeReport<'a>>,
    /// What has to be changed by hand.
    left: Vec<ChangeReport<'a>>,
}

#[derive(Serialize)]
struct ChangeReport<'a> {
    line: u64,
    from: &'a str,
    /// The word that it becomes.
    to: Option<&'a str>,
    /// Why it becomes a comment.
    because: Option<&'a str>,
}

impl<'a> From<&'a Change> for ChangeReport<'a> {
    fn from(change: &'a Change) -> Self {
        let (to, because) = match &change.becomes {
            Becomes::Word(word) => (Some(word.as_str()), None),
            Becomes::Comment(why) => (None, Some(why.as_str())),
        };
        Self {
            line: change.line,
            from: &change.from,
            to,
            because,
        }
    }
}

/// Rewrites the file once the person agreed.
pub(super) fn run(globals: &Globals, printer: Printer) -> Result<Exit, Failure> {
    let named = locate(globals.config.as_deref(), &globals.home)?.path;
    let unreadable = |source| MigrateError::Unreadable {
        path: named.clone(),
        source,
    };
    // A link stays one.
    let path = fs::canonicalize(&named).map_err(unreadable)?;
    let text = fs::read_to_string(&path).map_err(unreadable)?;
    let migrated =
        migrate(&text, &named.display().to_string()).map_err(|problems| MigrateError::Broken {
            path: named.clone(),
            problems,
        })?;
    show(&text, &migrated, &named.display().to_string(), printer);
    for Change {
        line,
        from,
        becomes,
    } in &migrated.left
    {
        let why = match becomes {
            Becomes::Word(word) => format!("today it is `{word}`"),
            Becomes::Comment(why) => why.clone(),
        };
        printer.talk(format_args!(
            "{} line {line}: `{from}` shares its lines with other keys, so change it by hand ({why})",
            printer.err().yellow("warning:")
        ));
    }
    if migrated.changes.is_empty() {
        if migrated.left.is_empty() {
            printer.talk("nothing to do: every key is in today's spelling");
        }
        return Ok(Exit::Ok);
    }
    consent::agree(globals.consent, "Do you want this?", printer)?;
    write_beside(&path, KEPT, &text).map_err(|source| MigrateError::NotKept {
        path: named.clone(),
        source,
    })?;
    write_beside(&path, NEW, &migrated.text)
        .and_then(|new| put_in_place(&new, &path))
        .map_err(|source| MigrateError::NotReplaced {
            path: named.clone(),
            source,
        })?;
    printer.talk(format_args!(
        "done; the old file is {}{KEPT}",
        path.display()
    ));
    Ok(Exit::Ok)
}

/// The lines that change, as they are and as they will be.
fn show(text: &str, migrated: &Migrated, file: &str, printer: Printer) {
    if printer.format() == Format::Json {
        printer.json(&MigrateReport {
            schema_version: 2,
            file: file.to_owned(),
            changes: migrated.changes.iter().map(ChangeReport::from).collect(),
            left: migrated.left.iter().map(ChangeReport::from).collect(),
        });
        return;
    }
    let style = printer.out();
    let lines = text.lines().zip(migrated.text.lines());
    for (number, (old, new)) in (1..).zip(lines).filter(|(_, (old, new))| old != new) {
        let number: u64 = number;
        printer.data(style.red(format_args!("{number:>4} - {old}")));
        printer.data(style.green(format_args!("{number:>4} + {new}")));
    }
}
