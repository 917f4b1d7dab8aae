//! Agents: their description, and the supervisor that runs them.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use rivetos_fleet::label::{Identity, labels};
use rivetos_fleet::model::{Desired, Fingerprint, Life, ProcessSpec};
use rivetos_fleet::port::{Applied, ApplyError, ApplyErrorKind};

use super::{check_planned, failed, refused};
use crate::folder::fingerprint;
use crate::log_file;
use crate::log_lines;
use crate::observe::life;
use crate::process::ProcessId;
use crate::provider::LocalSettings;
use crate::record::{ProcessRecord, State};
use crate::supervise::STOP_GRACE;

/// How long a supervisor may take to start its agent for the first time.
const START_MAX: Duration = Duration::from_secs(10);
/// Between two looks at whether it did; a start takes some 10 ms.
const START_POLL: Duration = Duration::from_millis(5);
/// What a supervisor needs beyond the grace of its agent.
const SUPERVISOR_STOP_GRACE: Duration = STOP_GRACE.saturating_add(Duration::from_secs(5));

/// Variables that tell of the host and nothing of its owner's secrets.
const ENVIRONMENT_PASSED: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE"];
const ENVIRONMENT_PASSED_PREFIX: &str = "RIVETOS_LOG";

pub(super) async fn create(
    settings: &LocalSettings,
    desired: &Desired,
    process: &ProcessSpec,
) -> Result<Applied, ApplyError> {
    let folder = process.folder.as_path();
    if process.port.is_none() {
        return Err(refused(folder, "has no port in the plan"));
    }
    let record = ProcessRecord {
        labels: labels(&settings.fleet, desired),
        process: process.clone(),
    };
    let (found, state) = read(folder)?;
    match found {
        None => {}
        Some(found) if found == record && life(state.as_ref()) == Life::Running => {
            return Ok(Applied::AlreadySo);
        }
        Some(_) => {
            return Err(refused(
                folder,
                "holds an agent already and did not when the plan was made",
            ));
        }
    }
    // Whatever a run that was cut off left running would hold the port.
    stop(folder, state).await?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .and_then(|()| record.write(folder))
        .map_err(|error| failed("write the agent's description in", folder, &error))?;
    run(settings, folder).await
}

pub(super) async fn start(
    settings: &LocalSettings,
    folder: &Path,
    planned: &Fingerprint,
) -> Result<Applied, ApplyError> {
    let (record, state) = read(folder)?;
    let Some(record) = record else {
        return Err(refused(folder, "holds no agent any more"));
    };
    check(settings, folder, &record, planned)?;
    if life(state.as_ref()) == Life::Running {
        return Ok(Applied::AlreadySo);
    }
    stop(folder, state).await?;
    run(settings, folder).await
}

pub(super) async fn remove(
    settings: &LocalSettings,
    folder: &Path,
    planned: &Fingerprint,
) -> Result<Applied, ApplyError> {
    let (record, state) = read(folder)?;
    let Some(record) = record else {
        return Ok(Applied::AlreadySo);
    };
    check(settings, folder, &record, planned)?;
    stop(folder, state).await?;
    // The description goes last: as long as it is there, so is the agent.
    for file in [
        State::path(folder),
        folder.join("supervisor.lock"),
        ProcessRecord::path(folder),
    ] {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", &file, &error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(Applied::Changed)
}

fn read(folder: &Path) -> Result<(Option<ProcessRecord>, Option<State>), ApplyError> {
    let unreadable = |error: io::Error| failed("read the agent's description in", folder, &error);
    Ok((
        ProcessRecord::read(folder).map_err(unreadable)?,
        State::read(folder).map_err(unreadable)?,
    ))
}

fn check(
    settings: &LocalSettings,
    folder: &Path,
    record: &ProcessRecord,
    planned: &Fingerprint,
) -> Result<(), ApplyError> {
    let identity = Identity::from_labels(&record.labels, &settings.fleet);
    let found = fingerprint(&ProcessRecord::path(folder))
        .map_err(|error| failed("read", folder, &error))?;
    check_planned(folder, &identity, &found, planned)
}

/// Ends the supervisor, which ends its agent; then an agent that lost its supervisor.
async fn stop(folder: &Path, state: Option<State>) -> Result<(), ApplyError> {
    let Some(state) = state else { return Ok(()) };
    let graces = [
        (Some(state.supervisor), SUPERVISOR_STOP_GRACE),
        (state.agent, STOP_GRACE),
    ];
    for (process, grace) in graces {
        let Some(process) = process else { continue };
        end(process, grace)
            .await
            .map_err(|error| failed("stop the agent of", folder, &error))?;
    }
    Ok(())
}

async fn end(process: ProcessId, grace: Duration) -> io::Result<()> {
    match process.open()? {
        Some(live) => live.stop(grace).await,
        None => Ok(()),
    }
}

/// Starts a supervisor and waits until it has started its agent once.
async fn run(settings: &LocalSettings, folder: &Path) -> Result<Applied, ApplyError> {
    let mut supervisor = spawn(settings, folder)
        .map_err(|error| failed("start the supervisor", &settings.supervisor, &error))?;
    let until = Instant::now() + START_MAX;
    loop {
        if has_started(folder, &supervisor) {
            return Ok(Applied::Changed);
        }
        let ended = supervisor
            .try_wait()
            .map_err(|error| failed("watch the supervisor of", folder, &error))?;
        let what = match ended {
            Some(status) => format!("the supervisor ended at once ({status})"),
            None if Instant::now() >= until => {
                format!(
                    "the supervisor did not start its agent within {} s",
                    START_MAX.as_secs()
                )
            }
            None => {
                sleep(START_POLL).await;
                continue;
            }
        };
        return Err(ApplyError {
            message: match log_lines::last_line(folder) {
                Some(line) => format!(
                    "{what}; last in `{}`: {line}",
                    log_file::path(folder).display()
                ),
                None => what,
            },
            hint: None,
            kind: ApplyErrorKind::Failed,
        });
    }
}

fn spawn(settings: &LocalSettings, folder: &Path) -> io::Result<Child> {
    let log = log_file::open(folder)?;
    Command::new(&settings.supervisor)
        .args([
            "local".as_ref(),
            "supervise".as_ref(),
            "--folder".as_ref(),
            folder.as_os_str(),
        ])
        .current_dir(folder)
        .env_clear()
        .envs(
            settings
                .environment
                .iter()
                .filter(|(name, _)| is_passed(name))
                .map(|(name, value)| (name, value)),
        )
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

fn is_passed(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        ENVIRONMENT_PASSED.contains(&name) || name.starts_with(ENVIRONMENT_PASSED_PREFIX)
    })
}

/// An agent that ended already was started too: that it does not stay up is for its readiness
/// to tell.
fn has_started(folder: &Path, supervisor: &Child) -> bool {
    let Ok(Some(state)) = State::read(folder) else {
        return false;
    };
    let by_this_one = ProcessId::of(supervisor.id().unwrap_or(0)) == Some(state.supervisor);
    by_this_one && (state.agent.is_some() || state.last_exit.is_some())
}
