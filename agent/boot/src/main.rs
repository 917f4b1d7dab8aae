//! `rivetos-agent`: one agent of a fleet.
//!
//! The composition root: everything concrete is chosen here and nowhere else.

mod args;
mod client;
mod compose;
mod error;
mod logging;
mod login;
mod models;
mod otlp;
mod provider;
mod run;
mod secrets;
mod setup;
mod version;
mod workspace;

use std::io::Write;
use std::process::ExitCode;

use args::Command;
use error::BootError;

fn main() -> ExitCode {
    let result = match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Run(args)) => run::run(&args),
        Ok(Command::Health { config }) => client::health(&config),
        Ok(Command::Connect { config }) => client::connect(&config),
        Ok(Command::Version { json }) => version::print(json),
        Ok(Command::Provider(args)) => provider::run(&args),
        Ok(Command::Login { config, provider }) => login::run(&config, &provider),
        Ok(Command::Help) => print_help(),
        Err(error) => Err(BootError::Usage(error)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.report();
            error.exit_code()
        }
    }
}

fn print_help() -> Result<(), BootError> {
    std::io::stdout()
        .write_all(args::HELP.as_bytes())
        .map_err(BootError::Output)
}
