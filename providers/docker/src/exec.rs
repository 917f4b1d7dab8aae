//! One short program in a running container.

use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// The most that is kept of what a program writes, in bytes.
const OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a program may take.
const TIME_MAX: Duration = Duration::from_mins(1);

/// What a program left.
#[derive(Debug)]
pub(crate) struct Output {
    /// Absent when the engine could not tell.
    pub(crate) exit_code: Option<i64>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `command` as `user` in `container`, gives it `input` and waits for its end, at most a
/// minute.
pub(crate) async fn run(
    docker: &Docker,
    container: &str,
    user: &str,
    command: &[&str],
    input: &str,
) -> Result<Output, Error> {
    timeout(
        TIME_MAX,
        run_to_end(docker, container, user, command, input),
    )
    .await
    .unwrap_or(Err(Error::RequestTimeoutError))
}

async fn run_to_end(
    docker: &Docker,
    container: &str,
    user: &str,
    command: &[&str],
    input: &str,
) -> Result<Output, Error> {
    let config = ExecConfig {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        user: Some(user.to_owned()),
        cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
        ..ExecConfig::default()
    };
    let exec = docker.create_exec(container, config).await?;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    if let StartExecResults::Attached {
        mut output,
        input: mut stdin,
    } = docker.start_exec(&exec.id, None).await?
    {
        // A program that ends before it has read everything is no failure by itself: its exit code
        // tells.
        let fed = async {
            if stdin.write_all(input.as_bytes()).await.is_ok() {
                let _ = stdin.shutdown().await;
            }
        };
        let read = async {
            while let Some(chunk) = output.next().await {
                match chunk? {
                    LogOutput::StdErr { message } => keep(&mut stderr, &message),
                    LogOutput::StdOut { message }
                    | LogOutput::Console { message }
                    | LogOutput::StdIn { message } => keep(&mut stdout, &message),
                }
            }
            Ok::<(), Error>(())
        };
        tokio::join!(fed, read).1?;
    }
    let ended = docker.inspect_exec(&exec.id).await?;
    Ok(Output {
        exit_code: ended.exit_code,
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).trim().to_owned(),
    })
}

fn keep(into: &mut Vec<u8>, chunk: &[u8]) {
    let room = OUTPUT_BYTES_MAX.saturating_sub(into.len());
    into.extend_from_slice(&chunk[..chunk.len().min(room)]);
}
