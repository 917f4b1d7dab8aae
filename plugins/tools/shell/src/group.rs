//! A process group that does not outlive its owner.

use rustix::process::{Pid, Signal, kill_process_group};

/// Kills the whole group when it is dropped.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// The group that the process `leader` leads.
    pub(crate) fn of(leader: Option<u32>) -> Self {
        Self(leader.and_then(|leader| Pid::from_raw(leader.try_into().ok()?)))
    }

    /// Kills every process of the group, once.
    pub(crate) fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            // It fails when nobody is left, which is what was wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
