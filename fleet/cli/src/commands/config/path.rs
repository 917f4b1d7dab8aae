//! `rivetos config path`

use serde::Serialize;

use crate::exit::Exit;
use crate::fleet::{Reason, locate};
use crate::output::{Failure, Format, Printer};
use crate::settings::Globals;

#[derive(Serialize)]
struct PathReport {
    schema_version: u32,
    path: String,
    reason: Reason,
    exists: bool,
}

/// Prints which file the other commands use.
pub(super) fn run(globals: &Globals, printer: Printer) -> Result<Exit, Failure> {
    let located = locate(globals.config.as_deref(), &globals.home)?;
    let exists = located.path.is_file();
    match printer.format() {
        Format::Json => printer.json(&PathReport {
            schema_version: 1,
            path: located.path.display().to_string(),
            reason: located.reason,
            exists,
        }),
        Format::Text => {
            printer.data(located.path.display());
            let why = match located.reason {
                Reason::Named => "it was named with `--config` or `RIVETOS_CONFIG`",
                Reason::CurrentFolder => "it is the first that is there in the current folder",
                Reason::HomeFolder => "there is none in the current folder, and this one at home",
            };
            let absent = if exists {
                ""
            } else {
                "; there is no such file"
            };
            printer.talk(format_args!("{why}{absent}"));
        }
    }
    Ok(Exit::Ok)
}
