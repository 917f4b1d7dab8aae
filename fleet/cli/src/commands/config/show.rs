//! `rivetos config show`

use rivetos_config::{Config, redacted};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use super::resolve::resolved;
use crate::exit::Exit;
use crate::fleet::{FleetFile, Secrets, locate};
use crate::output::{Edge, Failure, Format, Printer};
use crate::settings::{Defaults, Globals};

/// The configuration cannot be shown.
#[derive(Debug, Error)]
#[error("the configuration cannot be written as JSON")]
struct ShowError(#[source] serde_saphyr::Error);

impl Edge for ShowError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

#[derive(Serialize)]
struct ShowReport {
    schema_version: u32,
    file: String,
    config: Value,
}

/// Prints what the file says. Secrets are references; what looks like one elsewhere is hidden.
pub(super) fn run(
    globals: &Globals,
    defaults: Defaults,
    printer: Printer,
) -> Result<Exit, Failure> {
    let file = locate(globals.config.as_deref(), &globals.home)?.path;
    let read = FleetFile::read(&file, Secrets::NotNeeded)?;
    read.warn(printer);
    let config: Config = match defaults {
        Defaults::LeftOut => read.config,
        Defaults::FilledIn => resolved(read.config),
    };
    let text = redacted(&config.to_yaml());
    match printer.format() {
        Format::Text => printer.piece(text),
        Format::Json => printer.json(&ShowReport {
            schema_version: 1,
            file: file.display().to_string(),
            config: serde_saphyr::from_str(&text).map_err(ShowError)?,
        }),
    }
    Ok(Exit::Ok)
}
