//! `rivetos datahub psql`

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::process::ExitCode;

use futures_util::{Stream, StreamExt};
use rivetos_provider_docker::{Datahub, Ended, Ends, ProgramError, Screen, Size};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use thiserror::Error;
use tokio::fs::File;
use tokio::signal::unix::{SignalKind, signal};

use super::open;
use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Edge, Failure, Printer};
use crate::settings::Globals;

/// Why a session did not take place.
#[derive(Debug, Error)]
enum PsqlError {
    #[error("the terminal cannot be used")]
    Terminal(#[source] io::Error),
    #[error("a standard stream cannot be used")]
    Stream(#[source] io::Error),
    #[error("psql did not run")]
    Program(#[source] ProgramError),
    #[error("the engine does not say how psql ended")]
    Unknown,
}

impl Edge for PsqlError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// Runs `psql` for a person at a terminal, or for a script; ends as it does.
pub(crate) async fn run(
    globals: &Globals,
    args: &[String],
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let mut fleet = Fleet::load_without_secrets(globals, printer)?;
    let (_, datahub) = open(&mut fleet, printer).await?;
    let ended = if io::stdin().is_terminal() && io::stdout().is_terminal() {
        at_terminal(&datahub, args).await?
    } else {
        piped(&datahub, args).await?
    };
    let code = ended.exit_code.ok_or(PsqlError::Unknown)?;
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}

async fn piped(datahub: &Datahub, args: &[String]) -> Result<Ended, PsqlError> {
    let open = |stream: io::Result<File>| stream.map_err(PsqlError::Stream);
    let ends = Ends {
        input: &mut open(stream(io::stdin()))?,
        output: &mut open(stream(io::stdout()))?,
        complaints: &mut open(stream(io::stderr()))?,
    };
    datahub.psql(args, ends).await.map_err(PsqlError::Program)
}

async fn at_terminal(datahub: &Datahub, args: &[String]) -> Result<Ended, PsqlError> {
    let sizes = sizes().map_err(PsqlError::Terminal)?;
    let screen = Screen {
        keys: &mut stream(io::stdin()).map_err(PsqlError::Stream)?,
        display: &mut stream(io::stdout()).map_err(PsqlError::Stream)?,
        sizes: Box::pin(sizes),
        kind: std::env::var("TERM").unwrap_or_else(|_| "dumb".to_owned()),
    };
    let _raw = Raw::enter().map_err(PsqlError::Terminal)?;
    let ended = datahub.psql_at(args, screen).await;
    ended.map_err(PsqlError::Program)
}

/// A standard stream without the buffer of this program.
fn stream(stream: impl AsFd) -> io::Result<File> {
    let own = stream.as_fd().try_clone_to_owned()?;
    Ok(File::from_std(own.into()))
}

/// The terminal's size, now and whenever it changes.
fn sizes() -> io::Result<impl Stream<Item = Size>> {
    let changes = signal(SignalKind::window_change())?;
    let later = futures_util::stream::unfold(changes, |mut changes| async {
        changes.recv().await?;
        Some((size(), changes))
    });
    Ok(futures_util::stream::iter([size()])
        .chain(later)
        .filter_map(async |size| size))
}

fn size() -> Option<Size> {
    let size = tcgetwinsize(io::stdin()).ok()?;
    Some(Size {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}

/// A terminal that hands on every key, until dropped.
struct Raw {
    before: Termios,
}

impl Raw {
    fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}
