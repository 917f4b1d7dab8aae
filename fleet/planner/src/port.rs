//! What a provider of infrastructure implements. Signatures only; no runtime.

mod lock;

pub use lock::{FleetLock, Holder, LeaseId, LockError};

use std::fmt;
use std::future::Future;

use thiserror::Error;

use rivetos_config::Secret;

use crate::model::{DesiredSet, Inventory, ResourceId, Step};

/// Looks at a target and changes it, one step at a time.
pub trait InfraProvider: Sync {
    /// Looks at everything that can drift.
    ///
    /// # Guarantees
    /// - Changes nothing and never fails as a whole: what cannot be seen is in
    ///   [`Inventory::errors`].
    /// - Lists everything that carries the fleet's label, and every object that bears a name which
    ///   `desired` wants, whoever made it.
    fn observe(&self, desired: &DesiredSet) -> impl Future<Output = Inventory> + Send;

    /// Carries out one step, once, and says on the way what takes its time.
    ///
    /// # Guarantees
    /// - Touches only objects that carry the fleet's label, and checks that right before.
    /// - Idempotent: what is already so is [`Applied::AlreadySo`].
    /// - A failure or a kill in the middle leaves a state that the next observation shows as
    ///   absent or [`crate::model::Life::Incomplete`], so that a new plan converges.
    fn apply(
        &self,
        step: &Step,
        progress: Progress<'_>,
    ) -> impl Future<Output = Result<Applied, ApplyError>> + Send;
}

/// Carries out steps, whatever target they are for.
pub trait StepRunner: Sync {
    /// [`InfraProvider::apply`] on the step's own target.
    fn run(
        &self,
        step: &Step,
        progress: Progress<'_>,
    ) -> impl Future<Output = Result<Applied, ApplyError>> + Send;
}

impl<P: InfraProvider> StepRunner for P {
    fn run(
        &self,
        step: &Step,
        progress: Progress<'_>,
    ) -> impl Future<Output = Result<Applied, ApplyError>> + Send {
        self.apply(step, progress)
    }
}

/// Where a running step says what it is at, for whoever watches. Never needed for anything else.
#[derive(Clone, Copy)]
pub struct Progress<'a>(Option<&'a (dyn Fn(&str) + Sync)>);

impl<'a> Progress<'a> {
    /// Nobody watches.
    pub const UNSEEN: Self = Self(None);

    /// `sink` gets every word, for example `waiting for it to stop`.
    pub fn new(sink: &'a (dyn Fn(&str) + Sync)) -> Self {
        Self(Some(sink))
    }

    /// Says what the step is at now.
    pub fn say(self, what: &str) {
        if let Some(sink) = self.0 {
            sink(what);
        }
    }
}

impl fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Progress"
        } else {
            "Progress::UNSEEN"
        })
    }
}

/// The password of a login on its way from the target of its secret to the datahub's. It is in no
/// plan and in no message.
#[derive(Debug)]
pub struct Password {
    /// The password itself.
    pub text: Secret<String>,
    /// What tells its secret from that one's predecessors: as its [`crate::model::Fingerprint`]
    /// where the secret is on another target than the datahub.
    pub made: String,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// Something changed.
    Changed,
    /// It was so already.
    AlreadySo,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ApplyError {
    /// What was tried and what the target said.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How grave.
    pub kind: ApplyErrorKind,
}

/// How a failed step counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyErrorKind {
    /// The target said no or broke.
    Failed,
    /// The object is not ours or changed since the plan was made: nothing was done to it.
    Refused,
}

/// Reaches a running node without any published port.
pub trait NodeAccess: Sync {
    /// A byte stream to the agent's loopback port, already authenticated as the operator's.
    type Stream: Send + 'static;
    /// The node's log, line by line.
    type Lines: Send + 'static;

    /// Connects to the agent at `node`.
    fn connect(
        &self,
        node: &ResourceId,
    ) -> impl Future<Output = Result<Self::Stream, AccessError>> + Send;

    /// Opens the log of `node`, oldest line first.
    fn logs(
        &self,
        node: &ResourceId,
        options: LogOptions,
    ) -> impl Future<Output = Result<Self::Lines, AccessError>> + Send;
}

/// Which part of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// Only the last so many lines.
    pub tail: Option<usize>,
    /// Only lines from this moment on, in seconds since the Unix epoch.
    pub since_unix_s: Option<i64>,
    /// Whether to go on as new lines come.
    pub follow: Follow,
}

/// Whether a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Follow {
    /// It ends with what is there.
    #[default]
    No,
    /// It goes on until dropped.
    Yes,
}

/// Why a node cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AccessError {
    /// There is no such node.
    #[error("{0} does not exist")]
    Absent(ResourceId),
    /// It is there and does not run.
    #[error("{0} does not run")]
    NotRunning(ResourceId),
    /// It runs and does not answer.
    #[error("{node} cannot be reached: {cause}")]
    Unreachable {
        /// Which one.
        node: ResourceId,
        /// What was tried and what came back.
        cause: String,
    },
}
