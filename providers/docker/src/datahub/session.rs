//! `psql` for a person or a script.

use bollard::exec::{ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::program::SYSTEM_USER;
use super::{Datahub, Ended, Ends, ProgramError};

/// How much is read from a keyboard at once, in bytes.
const KEYS_BYTES: usize = 4096;

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// How many lines.
    pub rows: u16,
    /// How many signs on each.
    pub columns: u16,
}

/// A person's terminal, which hands on every key.
pub struct Screen<'a, S> {
    /// The keys.
    pub keys: &'a mut (dyn AsyncRead + Send + Unpin),
    /// What is shown.
    pub display: &'a mut (dyn AsyncWrite + Send + Unpin),
    /// Its sizes, the present one first.
    pub sizes: S,
    /// What `TERM` says of it.
    pub kind: String,
}

impl Datahub {
    /// Runs `psql` with more arguments on bytes in and out.
    pub async fn psql(&self, args: &[String], ends: Ends<'_>) -> Result<Ended, ProgramError> {
        self.run(&self.psql_command(args), ends).await
    }

    /// Runs `psql` with more arguments at a terminal, until it ends.
    pub async fn psql_at<S>(
        &self,
        args: &[String],
        mut screen: Screen<'_, S>,
    ) -> Result<Ended, ProgramError>
    where
        S: Stream<Item = Size> + Unpin,
    {
        let command = self.psql_command(args);
        let config = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(true),
            user: Some(SYSTEM_USER.to_owned()),
            env: Some(vec![
                format!("TERM={}", screen.kind),
                // What is typed stays nowhere, and the image has no folder for it.
                "PSQL_HISTORY=/dev/null".to_owned(),
            ]),
            cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
            ..ExecConfig::default()
        };
        let exec = self.docker.create_exec(&self.container, config).await?;
        let options = StartExecOptions {
            tty: true,
            ..StartExecOptions::default()
        };
        let started = self.docker.start_exec(&exec.id, Some(options)).await?;
        if let StartExecResults::Attached {
            mut output,
            mut input,
        } = started
        {
            let mut keys = [0; KEYS_BYTES];
            let mut keyboard_ended = false;
            loop {
                tokio::select! {
                    chunk = output.next() => {
                        let Some(chunk) = chunk else { break };
                        let shown = async {
                            screen.display.write_all(chunk?.as_ref()).await.map_err(ProgramError::Output)?;
                            screen.display.flush().await.map_err(ProgramError::Output)
                        };
                        shown.await?;
                    }
                    typed = screen.keys.read(&mut keys), if !keyboard_ended => {
                        let size = typed.map_err(ProgramError::Input)?;
                        keyboard_ended = size == 0;
                        // What psql does not read any more is of no interest.
                        let _ = input.write_all(&keys[..size]).await;
                        let _ = input.flush().await;
                    }
                    Some(Size { rows: height, columns: width }) = screen.sizes.next() => {
                        let options = ResizeExecOptions { height, width };
                        // A wrong width is no reason to end a session.
                        let _ = self.docker.resize_exec(&exec.id, options).await;
                    }
                }
            }
        }
        let ended = self.docker.inspect_exec(&exec.id).await?;
        Ok(Ended {
            exit_code: ended.exit_code,
        })
    }

    fn psql_command<'a>(&'a self, args: &'a [String]) -> Vec<&'a str> {
        let mut command = vec![
            "psql",
            "--username",
            &self.superuser,
            "--dbname",
            &self.database,
        ];
        command.extend(args.iter().map(String::as_str));
        command
    }
}
