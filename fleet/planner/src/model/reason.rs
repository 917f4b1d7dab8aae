//! Why a step is there.

use serde::{Deserialize, Serialize};

use super::{Field, ResourceId, TargetId};

/// Why a step is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Reason {
    /// The configuration wants it and it is not there.
    Missing,
    /// The configuration changed: the live object is what an older configuration wanted.
    Changed(Change),
    /// Somebody changed the live object by hand.
    Drifted(Change),
    /// It does not run. Says how it ended.
    NotRunning {
        /// For example `exited with code 137`.
        detail: String,
    },
    /// An earlier run was interrupted while making it.
    Incomplete {
        /// What is missing.
        detail: String,
    },
    /// Something that it is made from is replaced.
    DependsOn {
        /// What is replaced.
        resource: ResourceId,
    },
    /// What it lives in does not run yet; it is made sure of afterwards.
    Dormant {
        /// What does not run.
        detail: String,
    },
    /// It took the place of another one and has not proved itself yet.
    Unconfirmed,
    /// The operator asked for it by name.
    Requested,
    /// A newer one took its place.
    Superseded,
    /// The configuration calls it otherwise now.
    Renamed {
        /// The address that it bears.
        was: ResourceId,
    },
    /// The configuration has it on another target now.
    Moved {
        /// Which one.
        to: TargetId,
    },
    /// The configuration no longer has it.
    NotInConfig,
    /// The whole fleet is taken down.
    Destroy,
}

impl Reason {
    /// Whether it says that something is no longer as it was made. Of what is missing it cannot
    /// be told.
    pub fn tells_drift(&self) -> bool {
        match self {
            Self::Drifted(_)
            | Self::NotRunning { .. }
            | Self::Incomplete { .. }
            | Self::Dormant { .. }
            | Self::Unconfirmed
            | Self::DependsOn { .. } => true,
            Self::Missing
            | Self::Changed(_)
            | Self::Requested
            | Self::Superseded
            | Self::Moved { .. }
            | Self::Renamed { .. }
            | Self::NotInConfig
            | Self::Destroy => false,
        }
    }

    /// The field that differs, if the reason is one.
    pub fn change(&self) -> Option<&Change> {
        match self {
            Self::Changed(change) | Self::Drifted(change) => Some(change),
            Self::Missing
            | Self::NotRunning { .. }
            | Self::Incomplete { .. }
            | Self::DependsOn { .. }
            | Self::Dormant { .. }
            | Self::Unconfirmed
            | Self::Requested
            | Self::Superseded
            | Self::Renamed { .. }
            | Self::Moved { .. }
            | Self::NotInConfig
            | Self::Destroy => None,
        }
    }
}

/// A field that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Dotted path.
    pub field: String,
    /// What it is; absent when it is not set.
    pub before: Option<Field>,
    /// What it should be; absent when it should not be set.
    pub after: Option<Field>,
    /// What it takes.
    pub class: Class,
}

/// What it takes to change a field of a live object, the mildest first. Of several changes the
/// strongest decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A mark on the object: nothing that runs notices.
    Meta,
    /// The object changes while it runs.
    Live,
    /// The object is started again.
    Restart,
    /// The object is made again; its data stays.
    Recreate,
    /// The object cannot be changed without losing its data.
    Replace,
}
