//! A program in the datahub's container with bytes in and out. Memory is bounded: what is read on
//! one side is written on the other before more is read.

use std::io;
use std::pin::pin;

use bollard::container::LogOutput;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use futures_util::StreamExt;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Datahub;
use crate::error::said;

/// The user of the container who owns the server.
pub(super) const SYSTEM_USER: &str = "postgres";
/// How much is read at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// The ends of a program outside its container.
pub struct Ends<'a> {
    /// What it reads.
    pub input: &'a mut (dyn AsyncRead + Send + Unpin),
    /// Where its output goes.
    pub output: &'a mut (dyn AsyncWrite + Send + Unpin),
    /// Where its complaints go.
    pub complaints: &'a mut (dyn AsyncWrite + Send + Unpin),
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Absent when the engine could not tell.
    pub exit_code: Option<i64>,
}

impl Ended {
    /// Whether it says that all went well.
    pub fn is_success(self) -> bool {
        self.exit_code == Some(0)
    }
}

/// Why a program could not be run to its end.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// The engine said no, or went away.
    #[error("the engine does not run a program in the datahub: {said}")]
    Engine {
        /// In its own words.
        said: String,
    },
    /// What it was to read could not be read.
    #[error("what the datahub is to read cannot be read")]
    Input(#[source] io::Error),
    /// What it wrote could not be written.
    #[error("what the datahub says cannot be written")]
    Output(#[source] io::Error),
}

impl From<bollard::errors::Error> for ProgramError {
    fn from(error: bollard::errors::Error) -> Self {
        Self::Engine { said: said(&error) }
    }
}

impl Datahub {
    /// Runs `command` until it ends. It may end before it has read everything.
    pub(super) async fn run(
        &self,
        command: &[&str],
        ends: Ends<'_>,
    ) -> Result<Ended, ProgramError> {
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            user: Some(SYSTEM_USER.to_owned()),
            cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
            ..ExecConfig::default()
        };
        let exec = self.docker.create_exec(&self.container, config).await?;
        let started = self.docker.start_exec(&exec.id, None).await?;
        if let StartExecResults::Attached { mut output, input } = started {
            let written = async {
                while let Some(chunk) = output.next().await {
                    let written = match chunk? {
                        LogOutput::StdErr { message } => ends.complaints.write_all(&message).await,
                        LogOutput::StdOut { message }
                        | LogOutput::Console { message }
                        | LogOutput::StdIn { message } => ends.output.write_all(&message).await,
                    };
                    written.map_err(ProgramError::Output)?;
                }
                ends.complaints
                    .flush()
                    .await
                    .map_err(ProgramError::Output)?;
                ends.output.flush().await.map_err(ProgramError::Output)
            };
            let fed = feed(ends.input, input);
            let (mut written, mut fed) = (pin!(written), pin!(fed));
            tokio::select! {
                done = &mut written => done?,
                done = &mut fed => {
                    done?;
                    written.await?;
                }
            }
        }
        let ended = self.docker.inspect_exec(&exec.id).await?;
        Ok(Ended {
            exit_code: ended.exit_code,
        })
    }
}

/// Passes everything on. A program that does not want more is no failure: its exit code tells.
async fn feed(
    from: &mut (dyn AsyncRead + Send + Unpin),
    mut to: impl AsyncWrite + Unpin,
) -> Result<(), ProgramError> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let size = from.read(&mut chunk).await.map_err(ProgramError::Input)?;
        if size == 0 {
            let _ = to.shutdown().await;
            return Ok(());
        }
        if to.write_all(&chunk[..size]).await.is_err() {
            return Ok(());
        }
    }
}
