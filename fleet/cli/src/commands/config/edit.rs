//! `rivetos config edit`

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::{env, fs, io, process};

use thiserror::Error;

use super::replace::{put_in_place, write_beside};
use crate::exit::Exit;
use crate::fleet::{FileError, FleetFile, Secrets, locate};
use crate::output::{Edge, Failure, Printer};
use crate::settings::Globals;

/// Why the file stays as it is.
#[derive(Debug, Error)]
enum EditError {
    #[error("`{}` cannot be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the copy of `{}` to edit cannot be written", path.display())]
    NoCopy { path: PathBuf, source: io::Error },
    #[error("the editor `{editor}` does not start")]
    NoEditor { editor: String, source: io::Error },
    #[error("the editor `{editor}` ended with {status}; nothing was changed")]
    EditorFailed {
        editor: String,
        status: ExitStatus,
        /// When there is something new in it.
        copy: Option<PathBuf>,
    },
    #[error("the file stays as it is: what was written has mistakes")]
    Invalid { copy: PathBuf, source: FileError },
    #[error("`{}` was changed by somebody else meanwhile; it stays as it is", path.display())]
    ChangedMeanwhile { path: PathBuf, copy: PathBuf },
    #[error("`{}` cannot be replaced", path.display())]
    NotReplaced {
        path: PathBuf,
        copy: PathBuf,
        source: io::Error,
    },
}

impl Edge for EditError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } | Self::Invalid { .. } => Exit::Usage,
            Self::ChangedMeanwhile { .. } => Exit::Blocked,
            Self::NoCopy { .. }
            | Self::NoEditor { .. }
            | Self::EditorFailed { .. }
            | Self::NotReplaced { .. } => Exit::Failed,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Invalid { source, .. } => source.details(),
            Self::Unreadable { .. }
            | Self::NoCopy { .. }
            | Self::NoEditor { .. }
            | Self::EditorFailed { .. }
            | Self::ChangedMeanwhile { .. }
            | Self::NotReplaced { .. } => Vec::new(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoEditor { .. } => vec!["name one with `VISUAL` or `EDITOR`".into()],
            Self::EditorFailed {
                copy: Some(copy), ..
            }
            | Self::Invalid { copy, .. }
            | Self::ChangedMeanwhile { copy, .. }
            | Self::NotReplaced { copy, .. } => {
                vec![format!("your text is in {}", copy.display())]
            }
            Self::Unreadable { .. }
            | Self::NoCopy { .. }
            | Self::EditorFailed { copy: None, .. } => Vec::new(),
        }
    }
}

/// Lets the person edit a copy, and puts it in place when it is sound.
pub(super) fn run(globals: &Globals, printer: Printer) -> Result<Exit, Failure> {
    let named = locate(globals.config.as_deref(), &globals.home)?.path;
    let unreadable = |source| EditError::Unreadable {
        path: named.clone(),
        source,
    };
    // A link stays one.
    let path = fs::canonicalize(&named).map_err(unreadable)?;
    let before = fs::read_to_string(&path).map_err(unreadable)?;
    let suffix = format!(".edit-{}.yaml", process::id());
    let copy = write_beside(&path, &suffix, &before).map_err(|source| EditError::NoCopy {
        path: named.clone(),
        source,
    })?;
    let Edited { editor, status } = edit(&copy).inspect_err(|_| discard(&copy))?;
    let after = fs::read_to_string(&copy).map_err(unreadable)?;
    let is_new = after != before;
    if !is_new {
        discard(&copy);
    }
    if !status.success() {
        let copy = is_new.then_some(copy);
        return Err(EditError::EditorFailed {
            editor,
            status,
            copy,
        }
        .into());
    }
    if !is_new {
        printer.talk("nothing was changed");
        return Ok(Exit::Ok);
    }
    put(&named, &path, &copy, [&before, &after])?.warn(printer);
    printer.talk(format_args!("{} is replaced", named.display()));
    Ok(Exit::Ok)
}

/// How an editor ended.
struct Edited {
    editor: String,
    status: ExitStatus,
}

/// The editor may have arguments of its own, so a shell takes it apart.
fn edit(copy: &Path) -> Result<Edited, EditError> {
    let named = |variable| env::var(variable).ok().filter(|editor| !editor.is_empty());
    let editor = named("VISUAL").or_else(|| named("EDITOR"));
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    let status = Command::new("/bin/sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(copy)
        .status();
    match status {
        Ok(status) => Ok(Edited { editor, status }),
        Err(source) => Err(EditError::NoEditor { editor, source }),
    }
}

/// What is left of a copy that holds nothing new; the person sees it in the folder at worst.
fn discard(copy: &Path) {
    let _ = fs::remove_file(copy);
}

fn put(
    named: &Path,
    path: &Path,
    copy: &Path,
    [before, after]: [&str; 2],
) -> Result<FleetFile, EditError> {
    let read = FleetFile::parse(after, named, Secrets::NotNeeded).map_err(|source| {
        EditError::Invalid {
            copy: copy.to_owned(),
            source,
        }
    })?;
    let now = fs::read_to_string(path).map_err(|source| EditError::Unreadable {
        path: named.to_owned(),
        source,
    })?;
    if now != before {
        return Err(EditError::ChangedMeanwhile {
            path: named.to_owned(),
            copy: copy.to_owned(),
        });
    }
    put_in_place(copy, path).map_err(|source| EditError::NotReplaced {
        path: named.to_owned(),
        copy: copy.to_owned(),
        source,
    })?;
    Ok(read)
}
