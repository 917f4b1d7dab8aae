//! The loop that keeps one agent running, in a process of its own.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, setsid};
use thiserror::Error;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};
use tokio::time::{sleep, timeout};

use crate::log_file::LogPipe;
use crate::process::{ProcessId, kill_group};
use crate::record::{Phase, ProcessRecord, State};
use crate::restarts::{FAST_FAILURES_MAX, Next, Restarts};

/// How long an agent may take to end after it was asked to; longer than its own deadline for
/// running turns.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(25);

/// Runs the agent that `folder/process.json` describes until SIGTERM or SIGINT, or until it fails
/// too often in a row.
///
/// # Guarantees
/// - Detaches from the terminal first: the caller's session is not the agent's.
/// - At most one supervisor works in a folder.
/// - `folder/state.json` says who supervises before the agent starts, and is renewed at every
///   change.
/// - When it returns, the agent and the processes of its group are gone.
/// - Killed with SIGKILL it leaves the agent running; `state.json` then still names it.
pub async fn supervise(folder: &Path) -> Result<(), SuperviseError> {
    // Fails for whoever leads a session already, which is just as well.
    let _ = setsid();
    let record = ProcessRecord::read(folder)
        .map_err(|source| SuperviseError::Record {
            path: ProcessRecord::path(folder),
            source,
        })?
        .ok_or_else(|| SuperviseError::NoRecord {
            path: ProcessRecord::path(folder),
        })?;
    let _lock = lock(folder)?;
    let mut stop = StopSignals::new().map_err(|source| SuperviseError::Signals { source })?;
    let mut log = LogPipe::open(folder).map_err(|source| SuperviseError::Log {
        path: folder.to_owned(),
        source,
    })?;
    let state_error = |source| SuperviseError::State {
        path: State::path(folder),
        source,
    };
    let own = ProcessId::of(std::process::id());
    let own = own.ok_or_else(|| state_error(io::Error::other("/proc cannot be read")))?;
    let mut state = State {
        supervisor: own,
        agent: None,
        phase: Phase::Supervising,
        restarts: 0,
        last_exit: None,
    };
    state.write(folder).map_err(state_error)?;
    let mut supervisor = Supervisor {
        folder,
        record: &record,
        state: &mut state,
        log: &mut log,
    };
    supervisor.run(&mut stop).await;
    log.close().await;
    Ok(())
}

/// Why an agent cannot be supervised.
#[derive(Debug, Error)]
pub enum SuperviseError {
    /// The description of the agent cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Record {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no description of an agent.
    #[error("`{}` does not exist: no agent was made here", path.display())]
    NoRecord {
        /// Which file.
        path: PathBuf,
    },
    /// Another supervisor works in this folder.
    #[error("another supervisor works in `{}`", path.display())]
    Supervised {
        /// Which folder.
        path: PathBuf,
    },
    /// The lock that keeps others away cannot be used.
    #[error("the lock `{}` cannot be used", path.display())]
    Lock {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Signals cannot be received.
    #[error("signals cannot be received")]
    Signals {
        /// What the system said.
        source: io::Error,
    },
    /// The agent's log cannot be written.
    #[error("the log in `{}` cannot be written", path.display())]
    Log {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The state of the agent cannot be written.
    #[error("`{}` cannot be written", path.display())]
    State {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The lock ends with the file, however this process ends.
fn lock(folder: &Path) -> Result<File, SuperviseError> {
    let path = folder.join("supervisor.lock");
    let failed = |source| SuperviseError::Lock {
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SuperviseError::Supervised {
            path: folder.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

struct Supervisor<'a> {
    folder: &'a Path,
    record: &'a ProcessRecord,
    state: &'a mut State,
    log: &'a mut LogPipe,
}

impl Supervisor<'_> {
    async fn run(&mut self, stop: &mut StopSignals) {
        let mut restarts = Restarts::default();
        loop {
            let started = Instant::now();
            let ended = match self.start() {
                Ok(mut agent) => {
                    self.state.agent = agent.id().and_then(ProcessId::of);
                    self.save();
                    tokio::select! {
                        status = agent.wait() => {
                            kill_rest(self.state.agent);
                            described(status)
                        }
                        () = stop.received() => return self.stop(agent).await,
                    }
                }
                Err(error) => format!("cannot be started: {error}"),
            };
            self.log.say(&format!("the agent {ended}"));
            self.state.agent = None;
            self.state.last_exit = Some(ended);
            let pause = match restarts.ended(started.elapsed()) {
                Next::StartAfter(pause) => pause,
                Next::GiveUp => {
                    self.log.say(&format!(
                        "gave up after {FAST_FAILURES_MAX} starts in a row"
                    ));
                    return self.end(Phase::GaveUp);
                }
            };
            self.save();
            tokio::select! {
                () = sleep(pause) => self.state.restarts += 1,
                () = stop.received() => return self.end(Phase::Stopped),
            }
        }
    }

    fn start(&self) -> io::Result<Child> {
        let process = &self.record.process;
        let mut command = Command::new(&process.program);
        command
            .args(&process.args)
            .current_dir(self.folder)
            .stdin(Stdio::null())
            .stdout(self.log.stdio()?)
            .stderr(self.log.stdio()?)
            .process_group(0);
        if let Some(port) = process.port {
            command.arg("--listen").arg(format!("127.0.0.1:{port}"));
        }
        command.spawn()
    }

    async fn stop(&mut self, mut agent: Child) {
        let pid = agent
            .id()
            .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid {
            // Not waited for yet, so the pid is still the agent's.
            let _ = kill_process(pid, Signal::TERM);
        }
        let status = if let Ok(status) = timeout(STOP_GRACE, agent.wait()).await {
            status
        } else {
            let _ = agent.start_kill();
            agent.wait().await
        };
        let ended = described(status);
        kill_rest(self.state.agent);
        self.log
            .say(&format!("the agent {ended} after it was told to stop"));
        self.state.last_exit = Some(ended);
        self.end(Phase::Stopped);
    }

    fn end(&mut self, phase: Phase) {
        self.state.agent = None;
        self.state.phase = phase;
        self.save();
    }

    /// A state that cannot be written is no reason to stop an agent that works.
    fn save(&mut self) {
        if let Err(error) = self.state.write(self.folder) {
            self.log
                .say(&format!("the state cannot be written: {error}"));
        }
    }
}

/// Ends what an agent that is gone left running in its group.
fn kill_rest(agent: Option<ProcessId>) {
    if let Some(leader) = agent.and_then(|agent| Pid::from_raw(agent.pid)) {
        kill_group(leader);
    }
}

fn described(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exited with code {code}"),
            (None, Some(signal)) => format!("was killed by signal {signal}"),
            (None, None) => "ended".to_owned(),
        },
        Err(error) => format!("was lost: {error}"),
    }
}

struct StopSignals {
    terminate: SignalStream,
    interrupt: SignalStream,
}

impl StopSignals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
