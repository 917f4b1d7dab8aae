//! The lock of a fleet: a lease that every writer sees.

use std::fmt;
use std::future::Future;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Applied;

/// Keeps two runs over one fleet apart on one target.
///
/// Mechanism only: whether a holder is alive, and when its lock may be broken, is decided by who
/// takes the lock.
pub trait FleetLock: Sync {
    /// What proves to the target that the lock is this run's.
    type Token: Send + Sync + 'static;

    /// Takes the lock for `holder`, without waiting.
    ///
    /// # Guarantees
    /// - Of any number of runs that do this at once, one gets it; the others learn who has it.
    /// - Nobody ever sees a lock without its holder.
    fn acquire(
        &self,
        holder: &Holder,
    ) -> impl Future<Output = Result<Self::Token, LockError>> + Send;

    /// Says that the holder is alive, with its new beat.
    ///
    /// # Guarantees
    /// - Touches only the very lock that was taken: after a takeover this is
    ///   [`LockError::Lost`], whatever lock is there now.
    fn renew(
        &self,
        token: &Self::Token,
        holder: &Holder,
    ) -> impl Future<Output = Result<(), LockError>> + Send;

    /// Gives the lock back. One that is no longer this run's is left alone.
    fn release(&self, token: Self::Token) -> impl Future<Output = Result<(), LockError>> + Send;

    /// Who has the lock now.
    fn holder(&self) -> impl Future<Output = Result<Option<Holder>, LockError>> + Send;

    /// Takes the lock away from the holder with this id, and from no other one.
    fn break_lock(&self, id: &LeaseId) -> impl Future<Output = Result<Applied, LockError>> + Send;
}

/// The identity of one run's lease; the same on every target of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseId(pub String);

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who holds the lock, and how it is known to be alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The lease.
    pub id: LeaseId,
    /// The person.
    pub who: String,
    /// What they do, for example `infra up`.
    pub operation: String,
    /// The name of their host.
    pub host: String,
    /// Their process.
    pub pid: u32,
    /// What tells this process from every other one that ever had its number, where the system can
    /// say so.
    pub process: Option<String>,
    /// Since when, in milliseconds since the Unix epoch, by the clock of `host`.
    pub since_unix_ms: u64,
    /// Counts the signs of life.
    pub beat: u64,
    /// The last sign of life, in milliseconds since the Unix epoch, by the clock of `host`.
    pub beat_unix_ms: u64,
    /// How long after its last sign of life the holder gives up by itself, in milliseconds.
    pub ttl_ms: u64,
}

/// Why a lock is not to be had, or not any more.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LockError {
    /// Another run has it.
    #[error("another run has the lock: `{}` by {}", holder.operation, holder.who)]
    Held {
        /// Which one.
        holder: Box<Holder>,
    },
    /// It is no longer this run's.
    #[error("{message}")]
    Lost {
        /// What was seen instead.
        message: String,
    },
    /// The target said no or broke.
    #[error("{message}")]
    Failed {
        /// What was tried and what the target said.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}
