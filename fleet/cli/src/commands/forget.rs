//! `rivetos infra forget` of an engine.

use rivetos_fleet::model::TargetId;

use crate::consent;
use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Failure, Printer};
use crate::settings::Globals;

/// Stops looking at an engine that the fleet was on. Nothing there is touched.
pub(crate) fn run(globals: &Globals, target: &TargetId, printer: Printer) -> Result<Exit, Failure> {
    let fleet = Fleet::load_without_secrets(globals, printer)?;
    let address = fleet.left_at(target)?;
    printer.talk(format_args!(
        "whatever is left of fleet {} on {address} will not be seen any more",
        fleet.spec.fleet()
    ));
    consent::agree(globals.consent, "Do you want this?", printer)?;
    fleet.forget(&address)?;
    Ok(Exit::Ok)
}
