//! Why a run does not hold the fleet's lock.

use thiserror::Error;

use rivetos_fleet::FleetId;
use rivetos_fleet::model::TargetId;
use rivetos_fleet::port::{Holder, LockError};

use crate::exit::Exit;
use crate::home::unix_ms;

/// Why a run does not hold the fleet's lock.
#[derive(Debug, Error)]
pub enum LeaseError {
    /// Another run has it.
    #[error("fleet `{fleet}` is locked by another run: {}", described(holder))]
    Held {
        /// The fleet.
        fleet: FleetId,
        /// Who.
        holder: Box<Holder>,
    },
    /// The lock is not taken from a process that runs.
    #[error("the run that holds the lock is alive: {}", described(holder))]
    Alive {
        /// Which one.
        holder: Box<Holder>,
    },
    /// It was this run's and is not any more.
    #[error("the fleet's lock on {target} was lost: {message}")]
    Lost {
        /// Where.
        target: TargetId,
        /// What was seen instead.
        message: String,
    },
    /// The target said no or broke.
    #[error("the fleet's lock on {target} cannot be used: {message}")]
    Failed {
        /// Where.
        target: TargetId,
        /// What was tried and what the target said.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The system gives no random bytes for the lock's id.
    #[error("the system gives no random bytes: {message}")]
    NoRandomness {
        /// What it said.
        message: String,
    },
}

impl LeaseError {
    /// What a target's own error means for the run.
    pub(super) fn failed(target: &TargetId, error: LockError) -> Self {
        let target = target.clone();
        match error {
            LockError::Lost { message } => Self::Lost { target, message },
            LockError::Failed { message, hint } => Self::Failed {
                target,
                message,
                hint,
            },
            held @ LockError::Held { .. } => Self::Failed {
                target,
                message: held.to_string(),
                hint: None,
            },
        }
    }

    /// How a run ends with it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Held { .. } | Self::Lost { .. } => Exit::Locked,
            Self::Alive { .. } => Exit::Blocked,
            Self::Failed { .. } | Self::NoRandomness { .. } => Exit::Failed,
        }
    }

    /// What to do about it, one sentence each.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Held { holder, .. } => vec![
                "wait until it is done, then run this again".to_owned(),
                format!(
                    "a run that was killed leaves its lock for {} s; `rivetos infra unlock {}` takes \
                     it away at once",
                    holder.ttl_ms / 1000,
                    holder.id
                ),
            ],
            Self::Alive { holder } => vec![format!(
                "wait until it is done, or end process {} on this host",
                holder.pid
            )],
            Self::Lost { .. } => vec![
                "steps that ran were finished; see who works on the fleet, then run this again"
                    .to_owned(),
            ],
            Self::Failed { hint, .. } => hint.iter().cloned().collect(),
            Self::NoRandomness { .. } => Vec::new(),
        }
    }
}

fn described(holder: &Holder) -> String {
    let ago = |then: u64| unix_ms().saturating_sub(then) / 1000;
    format!(
        "`{}` by {} on {}, process {}, for {} s (last sign of life {} s ago)",
        holder.operation,
        holder.who,
        holder.host,
        holder.pid,
        ago(holder.since_unix_ms),
        ago(holder.beat_unix_ms)
    )
}
