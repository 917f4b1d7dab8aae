//! `rivetos version`

use serde::Serialize;

use crate::exit::Exit;
use crate::output::{Format, Printer};

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The source commit of this program, 12 hex digits, or `unknown`.
pub(crate) const COMMIT: &str = env!("RIVETOS_COMMIT");

#[derive(Serialize)]
struct VersionReport {
    schema_version: u32,
    version: &'static str,
    commit: &'static str,
    protocol: u32,
}

/// Prints what this program is.
pub(crate) fn run(printer: Printer) -> Exit {
    match printer.format() {
        Format::Text => printer.data(format_args!("rivetos {VERSION} ({COMMIT})")),
        Format::Json => printer.json(&VersionReport {
            schema_version: 1,
            version: VERSION,
            commit: COMMIT,
            protocol: rivetos_protocol::PROTOCOL_VERSION,
        }),
    }
    Exit::Ok
}
