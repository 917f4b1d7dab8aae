//! The operator's command line: composition root of the fleet half.

mod apply;
mod args;
mod build;
mod chat;
mod commands;
mod consent;
mod exit;
mod fleet;
#[cfg(test)]
#[path = "../../../agent/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;
mod moment;
mod output;
mod person;
mod secrets;
mod settings;
mod target;
mod targets;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use thiserror::Error;
use tokio::runtime::{Builder, Runtime};

use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Edge, Failure, Format, Printer, StreamLine};
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
    run(settings, printer).unwrap_or_else(|failure| {
        printer.failure(&failure);
        failure.exit().into()
    })
}

/// Clap prints by itself; help is not an error.
fn clap_ended(error: &clap::Error) -> Exit {
    let _ = error.print();
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Ok
    }
}

/// The program cannot begin.
#[derive(Debug, Error)]
#[error("the asynchronous runtime does not start")]
struct StartError(#[source] io::Error);

impl Edge for StartError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

fn run(settings: Settings, printer: Printer) -> Result<ExitCode, Failure> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(StartError)?;
    let ended = runtime.block_on(dispatch(settings, printer));
    leave(runtime);
    ended
}

/// A thread that waits for input that never comes must not keep the process.
fn leave(runtime: Runtime) {
    runtime.shutdown_background();
}

/// Ends the stream of lines that a program reads.
fn summed_up(ended: Result<Exit, Failure>, printer: Printer) -> Result<Exit, Failure> {
    match printer.format() {
        Format::Text => ended,
        Format::Json => {
            let exit = ended.unwrap_or_else(|failure| {
                printer.failure(&failure);
                failure.exit()
            });
            printer.line(&StreamLine::summary(exit));
            Ok(exit)
        }
    }
}

async fn dispatch(settings: Settings, printer: Printer) -> Result<ExitCode, Failure> {
    let Settings { globals, command } = settings;
    let exit = match command {
        Command::Preview(preview) => commands::preview::run(&globals, &preview, printer).await,
        Command::Up(up) => summed_up(commands::up::run(&globals, up, printer).await, printer),
        Command::Destroy(destroy) => {
            let ended = commands::destroy::run(&globals, &destroy, printer).await;
            summed_up(ended, printer)
        }
        Command::Graph { drawing } => commands::graph::run(&globals, drawing, printer),
        Command::Status => commands::status::run(&globals, printer).await,
        Command::Claim { id, change } => {
            commands::claim::run(&globals, (&id, &change), printer).await
        }
        Command::ForgetEngine { target } => commands::forget::run(&globals, &target, printer),
        Command::History(history) => commands::history::run(&globals, &history, printer),
        Command::Unlock { id } => commands::unlock::run(&globals, &id, printer).await,
        Command::Render { out } => commands::render::run(&globals, &out, printer),
        Command::Datahub(datahub) => commands::datahub::run(&globals, datahub, printer).await,
        Command::Psql { args } => return commands::datahub::psql(&globals, &args, printer).await,
        Command::Build(build) => commands::build::run(&globals, &build, printer).await,
        Command::Quickstart(quickstart) => {
            let ended = commands::quickstart::run(&globals, quickstart, printer).await;
            summed_up(ended, printer)
        }
        Command::Chat(chat) => {
            let fleet = Fleet::load_without_secrets(&globals, printer)?;
            let target = fleet.target_of(&chat.agent, printer).await?;
            commands::chat::run(&target, &chat, &globals.home, printer).await
        }
        Command::Logs(logs) => {
            let fleet = Fleet::load_without_secrets(&globals, printer)?;
            let target = fleet.target_of(&logs.agent, printer).await?;
            commands::logs::run(&target, &logs, printer).await
        }
        Command::Config(action) => commands::config::run(&globals, &action, printer),
        Command::Providers => commands::providers::run(&globals, printer),
        Command::AskAgent { args } => commands::ask_agent::run(&globals, &args),
        Command::Model { provider, model } => {
            commands::model::run(&globals, (provider.as_deref(), model.as_deref()), printer)
        }
        Command::Version => Ok(commands::version::run(printer)),
        Command::Supervise { folder } => commands::supervise::run(&folder).await,
    }?;
    Ok(exit.into())
}
