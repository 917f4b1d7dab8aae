//! Processes told apart by pid and start time, so that a recycled pid is never taken for ours.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// How long the system may take to end a process that was killed.
const KILL_MAX: Duration = Duration::from_secs(5);

/// One process of this host, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    /// Its number, which others may bear after it.
    pub(crate) pid: i32,
    /// When it started, in clock ticks since the host booted.
    pub(crate) started_ticks: u64,
}

impl ProcessId {
    /// The process that bears `pid` now; `None` when there is none or it has ended already.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let pid = i32::try_from(pid).ok()?;
        Some(Self {
            pid,
            started_ticks: started_ticks(pid)?,
        })
    }

    pub(crate) fn is_alive(self) -> bool {
        started_ticks(self.pid) == Some(self.started_ticks)
    }

    /// A handle on the process; `None` when it has ended.
    pub(crate) fn open(self) -> io::Result<Option<LiveProcess>> {
        let Some(pid) = Pid::from_raw(self.pid) else {
            return Ok(None);
        };
        let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // The descriptor holds on to whoever bears the pid; only now it is sure who that is.
        if !self.is_alive() {
            return Ok(None);
        }
        Ok(Some(LiveProcess {
            pid,
            descriptor: Arc::new(descriptor),
        }))
    }
}

/// A process that was alive when it was opened. Signals reach it or nobody.
#[derive(Debug)]
pub(crate) struct LiveProcess {
    pid: Pid,
    descriptor: Arc<OwnedFd>,
}

impl LiveProcess {
    /// Asks it to end, waits at most `grace`, then kills its whole group.
    pub(crate) async fn stop(&self, grace: Duration) -> io::Result<()> {
        self.signal(Signal::TERM)?;
        if self.ends_within(grace).await? {
            return Ok(());
        }
        self.signal(Signal::KILL)?;
        kill_group(self.pid);
        if self.ends_within(KILL_MAX).await? {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "it does not end, even when it is killed",
        ))
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(&self.descriptor, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn ends_within(&self, time: Duration) -> io::Result<bool> {
        let descriptor = Arc::clone(&self.descriptor);
        tokio::task::spawn_blocking(move || wait_for_end(&descriptor, time))
            .await
            .map_err(io::Error::other)?
    }
}

/// The descriptor of a process becomes readable when it ends.
fn wait_for_end(descriptor: &OwnedFd, time: Duration) -> io::Result<bool> {
    let until = Instant::now() + time;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(descriptor, PollFlags::IN)], Some(&left)) {
            Ok(ended) => return Ok(ended > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Kills whatever is left of the group that `leader` leads or led.
pub(crate) fn kill_group(leader: Pid) {
    // The group is empty more often than not, and nobody else's: no need to look at the result.
    let _ = kill_process_group(leader, Signal::KILL);
}

/// Field 22 of `/proc/<pid>/stat`; `None` when there is no such process or only its remains.
fn started_ticks(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(&stat)
}

fn parse_stat(stat: &str) -> Option<u64> {
    // The second field is the program's name in parentheses, which may hold anything, so fields
    // are counted from the last parenthesis: what follows is field 3.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(22 - 4)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Stdio;

    use tokio::io::AsyncReadExt;

    use super::*;

    #[test]
    fn a_name_full_of_parentheses_does_not_hide_the_start_time() {
        let fields: Vec<String> = (4..=52).map(|field| field.to_string()).collect();
        let stat = |state: &str| format!("17 (a) b) R 1 (x) {state} {}", fields.join(" "));
        assert_eq!(parse_stat(&stat("S")), Some(22));
        assert_eq!(parse_stat(&stat("Z")), None);
        assert_eq!(parse_stat("17 (a"), None);
    }

    #[test]
    fn another_start_time_is_another_process() {
        let own = ProcessId::of(std::process::id()).unwrap();
        assert!(own.is_alive());
        let earlier = ProcessId {
            started_ticks: own.started_ticks - 1,
            ..own
        };
        assert!(!earlier.is_alive());
    }

    #[tokio::test]
    async fn a_recycled_pid_is_never_opened() {
        let own = ProcessId::of(std::process::id()).unwrap();
        let earlier = ProcessId {
            started_ticks: own.started_ticks - 1,
            ..own
        };
        assert!(earlier.open().unwrap().is_none());
        assert!(own.open().unwrap().is_some());
    }
    #[tokio::test]
    async fn a_process_that_ignores_requests_is_killed_with_its_group() {
        let mut child = tokio::process::Command::new("/bin/sh")
            .args(["-c", "trap '' TERM; sleep 1000 & echo x; wait"])
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        // From here on the trap is set.
        assert_eq!(output.read_u8().await.unwrap(), b'x');
        let process = ProcessId::of(child.id().unwrap())
            .unwrap()
            .open()
            .unwrap()
            .unwrap();
        process.stop(Duration::from_millis(20)).await.unwrap();
        assert_eq!(child.wait().await.unwrap().signal(), Some(9));
        // The output ends when nobody of the group is left to write to it.
        assert_eq!(output.read_to_end(&mut Vec::new()).await.unwrap(), 1);
    }
}
