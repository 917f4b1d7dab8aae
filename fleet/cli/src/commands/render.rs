//! `rivetos infra render`

use std::path::{Path, PathBuf};
use std::{fs, io};

use rivetos_render::{RenderError, render};
use serde::Serialize;
use thiserror::Error;

use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Edge, Failure, Format, Printer};
use crate::settings::Globals;

#[derive(Serialize)]
struct RenderReport {
    schema_version: u32,
    files: Vec<PathBuf>,
}

/// A file could not be written.
#[derive(Debug, Error)]
#[error("`{}` cannot be written", path.display())]
struct WriteError {
    path: PathBuf,
    source: io::Error,
}

impl Edge for WriteError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

impl Edge for RenderError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// Writes the fleet's deployment as text into `out`.
pub(crate) fn run(globals: &Globals, out: &Path, printer: Printer) -> Result<Exit, Failure> {
    let fleet = Fleet::load(globals, printer)?;
    let mut files = Vec::new();
    for (name, text) in render(&fleet.layout)? {
        let path = out.join(name);
        write(&path, &text).map_err(|source| WriteError {
            path: path.clone(),
            source,
        })?;
        files.push(path);
    }
    match printer.format() {
        Format::Text => files.iter().for_each(|path| printer.data(path.display())),
        Format::Json => printer.json(&RenderReport {
            schema_version: 1,
            files,
        }),
    }
    Ok(Exit::Ok)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}
