//! What happens while the engine works, for whoever shows it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;

use rivetos_fleet::model::{Action, ResourceId, StepId};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Counts the events of a run from 0.
    pub index: u64,
    /// Milliseconds since the run began.
    pub elapsed_ms: u64,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
///
/// Every started step ends in exactly one of [`EventKind::Done`] and [`EventKind::Failed`]; a
/// step that never started has [`EventKind::Skipped`] or none. [`EventKind::Executed`] comes once
/// and ends the execution; after it there are only the events of nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A step starts.
    Started {
        /// Which one.
        step: StepId,
        /// What it changes.
        resource: ResourceId,
        /// What happens to the resource as a whole.
        action: Action,
    },
    /// A running step says what it is at.
    Progress {
        /// Which one.
        step: StepId,
        /// For example `waiting for it to stop`.
        what: String,
    },
    /// A step is done. Ends the step.
    Done {
        /// Which one.
        step: StepId,
        /// `false`: there was nothing to do any more.
        changed: bool,
    },
    /// A step failed. Ends the step.
    Failed {
        /// Which one.
        step: StepId,
        /// What was tried and what the target said.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A step is not carried out because one that it needs failed. Ends the step.
    Skipped {
        /// Which one.
        step: StepId,
        /// The step that failed.
        because: StepId,
    },
    /// Somebody interrupted the run: nothing new is started.
    Interrupted {
        /// How many steps still run.
        running: usize,
    },
    /// The execution is over. Terminal.
    Executed {
        /// Steps that were done.
        done: usize,
        /// Steps that failed.
        failed: usize,
        /// Steps that were skipped or never started.
        left_out: usize,
    },
    /// A node does not take work yet. Comes again when what is the matter changes.
    NodeWaiting {
        /// Which one.
        node: ResourceId,
        /// What was seen of it.
        last: String,
    },
    /// A node takes work.
    NodeReady {
        /// Which one.
        node: ResourceId,
    },
    /// A node did not take work in time.
    NodeNotReady {
        /// Which one.
        node: ResourceId,
        /// What was last seen of it.
        last: String,
    },
}

/// Numbers and times the events of one run and hands them on.
pub struct Events<'a> {
    began: Instant,
    next: AtomicU64,
    sink: &'a (dyn Fn(&Event) + Sync),
}

impl<'a> Events<'a> {
    /// The run begins now; `sink` sees every event in order.
    pub fn new(sink: &'a (dyn Fn(&Event) + Sync)) -> Self {
        Self {
            began: Instant::now(),
            next: AtomicU64::new(0),
            sink,
        }
    }

    /// Says that `kind` happened.
    pub(crate) fn emit(&self, kind: EventKind) {
        let elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        (self.sink)(&Event {
            index,
            elapsed_ms,
            kind,
        });
    }
}
