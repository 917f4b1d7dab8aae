//! `rivetos infra graph`

use rivetos_render::{Drawing, Graph};

use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Failure, Printer};
use crate::settings::Globals;

/// Draws the fleet as its file describes it.
pub(crate) fn run(globals: &Globals, drawing: Drawing, printer: Printer) -> Result<Exit, Failure> {
    let fleet = Fleet::load_without_secrets(globals, printer)?;
    printer.piece(Graph::of_fleet(&fleet.layout).draw(drawing));
    Ok(Exit::Ok)
}
