//! Carries plans out: home folder, lock, execution, run journal, events, readiness and the
//! client of a running agent. Generic over the planner's ports; decides nothing.
//!
//! - [`FleetHome`]: the fleet's folder on the operator's machine, and its key.
//! - [`Lease`]: the fleet's lock on all its targets, kept alive for the time of one run.
//! - [`execute`]: one pass over a plan, in dependency order and in parallel.
//! - [`RunJournal`]: what a run began and ended, on the disk before the next step starts.
//! - [`Exit`]: how a run ends, as a number.
//! - [`past_runs`]: what earlier runs did, from their journals.
//! - [`Events`]: the only link between the engine and whatever shows progress.
//! - [`AgentClient`]: HTTP to an agent over any byte stream.
//! - [`wait_ready`]: polls nodes until they take work.

mod client;
mod event;
mod execute;
mod exit;
mod history;
mod home;
mod journal;
mod lease;
mod ready;
mod schedule;

pub use client::{AgentClient, ClientError, Frames};
pub use event::{Event, EventKind, Events};
pub use execute::{ExecuteReport, Options, PARALLEL_DEFAULT, execute};
pub use exit::Exit;
pub use history::{PastRun, PastStep, RunEnd, StepEnd, past_run, past_runs};
pub use home::{FleetHome, HomeError};
pub use journal::{JournalEntry, JournalError, JournalLine, RUNS_KEPT_MAX, RunHeader, RunJournal};
pub use lease::{Claim, Lease, LeaseError, LeaseNotice, Terms, unlock};
pub use ready::{Expected, LOG_LINES_SHOWN, Readiness, wait_ready};
