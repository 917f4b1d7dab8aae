//! `rivetos config …`: the fleet's file itself.

mod edit;
mod migrate;
mod path;
mod replace;
mod resolve;
mod show;
mod validate;

pub(super) use replace::{put_in_place, write_beside};

use crate::exit::Exit;
use crate::output::{Failure, Printer};
use crate::settings::{ConfigAction, Globals};

/// Does one of them.
pub(crate) fn run(
    globals: &Globals,
    action: &ConfigAction,
    printer: Printer,
) -> Result<Exit, Failure> {
    match action {
        ConfigAction::Validate { file } => validate::run(globals, file.as_deref(), printer),
        ConfigAction::Show(defaults) => show::run(globals, *defaults, printer),
        ConfigAction::Path => path::run(globals, printer),
        ConfigAction::Schema => {
            printer.piece(rivetos_config::schema());
            Ok(Exit::Ok)
        }
        ConfigAction::Edit => edit::run(globals, printer),
        ConfigAction::Migrate => migrate::run(globals, printer),
    }
}
