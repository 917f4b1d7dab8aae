//! `rivetos infra unlock`

use rivetos_engine::unlock;
use rivetos_fleet::port::{Applied, LeaseId};

use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Failure, Printer};
use crate::settings::Globals;

/// Takes the fleet's lock away from a run that does not come back.
pub(crate) async fn run(
    globals: &Globals,
    id: &LeaseId,
    printer: Printer,
) -> Result<Exit, Failure> {
    let mut fleet = Fleet::load_without_secrets(globals, printer)?;
    let targets = fleet.targets(printer).await?;
    let name = fleet.spec.fleet();
    match unlock(&targets.locks(), name, id).await? {
        Applied::Changed => printer.talk(format_args!(
            "fleet {name} is unlocked; a run that still had the lock begins nothing new"
        )),
        Applied::AlreadySo => printer.talk(format_args!("fleet {name} is not locked")),
    }
    Ok(Exit::Ok)
}
