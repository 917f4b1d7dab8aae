//! Asks the person before something changes.

use std::io::{self, IsTerminal};

use thiserror::Error;

use crate::exit::Exit;
use crate::output::{Edge, Printer};
use crate::settings::Consent;

/// Why nothing was changed.
#[derive(Debug, Error)]
pub(crate) enum ConsentError {
    /// Nobody is there to ask.
    #[error("nobody agreed to the changes, and there is no terminal to ask at")]
    NobodyThere,
    /// Nobody is there to ask for the fleet's name.
    #[error("nobody agreed to delete data, and there is no terminal to ask at")]
    NobodyThereForData {
        /// The fleet.
        fleet: String,
    },
    /// The person said no.
    #[error("not confirmed; nothing was changed")]
    Declined,
    /// The answer could not be read.
    #[error("the answer could not be read")]
    Unreadable(#[source] io::Error),
}

impl Edge for ConsentError {
    fn exit(&self) -> Exit {
        match self {
            Self::NobodyThere | Self::NobodyThereForData { .. } => Exit::Usage,
            Self::Declined => Exit::Blocked,
            Self::Unreadable(_) => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NobodyThere => vec!["give `--yes` to agree beforehand".into()],
            Self::NobodyThereForData { fleet } => {
                vec![format!("give `--confirm {fleet}` to agree beforehand")]
            }
            Self::Declined | Self::Unreadable(_) => Vec::new(),
        }
    }
}

/// Goes on when the person agrees with `yes` or did so beforehand.
pub(crate) fn agree(
    consent: Consent,
    question: &str,
    printer: Printer,
) -> Result<(), ConsentError> {
    match consent {
        Consent::Given => return Ok(()),
        Consent::Ask => {}
    }
    if !io::stdin().is_terminal() {
        return Err(ConsentError::NobodyThere);
    }
    printer.ask(format_args!("{question} Type `yes` to go on:"));
    if answer()? == "yes" {
        Ok(())
    } else {
        Err(ConsentError::Declined)
    }
}

/// The name of the fleet whose data is to be deleted, as the person types it.
pub(crate) fn fleet_name(fleet: &str, printer: Printer) -> Result<String, ConsentError> {
    if !io::stdin().is_terminal() {
        return Err(ConsentError::NobodyThereForData {
            fleet: fleet.to_owned(),
        });
    }
    printer.ask("This deletes data for good. Type the fleet's name to go on:");
    answer()
}

fn answer() -> Result<String, ConsentError> {
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .map_err(ConsentError::Unreadable)?;
    Ok(line.trim().to_owned())
}
