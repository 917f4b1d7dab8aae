//! The operator's command line: composition root of the fleet half.

#![expect(dead_code, reason = "the commands that use the settings follow")]

mod args;
mod commands;
mod exit;
mod moment;
mod output;
mod settings;

use std::process::ExitCode;

use clap::Parser;

use crate::exit::Exit;
use crate::output::{Failure, Format, Printer};
use crate::settings::{Command, Settings};

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return clap_ended(&error).into(),
    };
    let settings = match Settings::resolve(cli) {
        Ok(settings) => settings,
        Err(error) => {
            let failure = Failure::from(error);
            Printer::new(Format::Text, false).failure(&failure);
            return failure.exit().into();
        }
    };
    let printer = Printer::new(settings.globals.format, settings.globals.colour);
    match settings.command {
        Command::Version => commands::version::run(printer).into(),
        _ => Exit::Usage.into(),
    }
}

/// Clap prints by itself; help and versions are not errors.
fn clap_ended(error: &clap::Error) -> Exit {
    let _ = error.print();
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Ok
    }
}
