//! The steps between what is and what should be.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use rivetos_config::FleetId;

use super::{Desired, Fingerprint, PlanReport, Predecessor, Reason, ResourceId, TargetId};

/// An immutable plan. So specific that whoever executes it has nothing left to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The fleet.
    pub fleet: FleetId,
    /// In an order that respects `after`.
    pub steps: Vec<Step>,
    /// What the plan does not do, and why.
    pub report: PlanReport,
}

/// Names a step within its plan: `agent/opus#create`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub String);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One change to one live object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name; stable for the same plan.
    pub id: StepId,
    /// Where it works.
    pub target: TargetId,
    /// What it changes.
    pub resource: ResourceId,
    /// What happens to the resource as a whole; all steps of a replacement say `Replace`.
    pub action: Action,
    /// What this step does.
    pub op: Op,
    /// Why; never empty.
    pub reasons: Vec<Reason>,
    /// The worst that it does to who uses the resource.
    pub risk: Risk,
    /// What it takes to be allowed to.
    pub needs: Privilege,
    /// How long it takes, roughly.
    pub cost: Cost,
    /// What must be done before.
    pub after: BTreeSet<StepId>,
}

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It comes to be.
    Create,
    /// It changes in place.
    Update,
    /// It is removed and made again; its data volumes stay.
    Replace,
    /// It is started.
    Start,
    /// It is removed for good.
    Delete,
    /// An object that was not ours becomes ours as it is.
    Adopt,
    /// An object of ours is ours no longer; it stays as it is.
    Forget,
}

impl Action {
    /// The sign in front of it in a preview.
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "±",
            Self::Start => "↻",
            Self::Delete => "-",
            Self::Adopt => "←",
            Self::Forget => "→",
        }
    }

    /// The verb, as in `will be created`.
    pub fn participle(self) -> &'static str {
        match self {
            Self::Create => "created",
            Self::Update => "updated",
            Self::Replace => "replaced",
            Self::Start => "started",
            Self::Delete => "deleted",
            Self::Adopt => "adopted",
            Self::Forget => "forgotten",
        }
    }
}

/// What one step does to the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Op {
    /// Makes the resource as described, and starts it if it is of a kind that runs. For an image:
    /// pulls it.
    Create {
        /// What to make.
        desired: Box<Desired>,
    },
    /// Makes sure that the resource is as described; harmless when it already is.
    Ensure {
        /// What it should be.
        desired: Box<Desired>,
    },
    /// Changes fields of the object without making it again, and starts it when it does not run.
    Update {
        /// Which one.
        native_id: String,
        /// As it was planned on.
        fingerprint: Fingerprint,
        /// The fields to change; nothing else is sent.
        fields: BTreeSet<String>,
        /// What it should be.
        desired: Box<Desired>,
    },
    /// Puts a new object in the place of one that is kept, stopped, until the new one proved
    /// itself; else the old one comes back and the step fails.
    Swap {
        /// The object that goes.
        old: Predecessor,
        /// What comes.
        desired: Box<Desired>,
    },
    /// Ends a swap that was interrupted: the new object proves itself and the old one goes, or
    /// the old one comes back and the step fails.
    Confirm {
        /// The new one.
        native_id: String,
        /// As it was planned on.
        fingerprint: Fingerprint,
        /// The one that is kept.
        old: Predecessor,
    },
    /// Brings an image over from another target that has it.
    Load {
        /// The image.
        desired: Box<Desired>,
        /// Who has it.
        from: TargetId,
        /// What it is there, and must be here.
        image_id: String,
    },
    /// Makes an object ours as it is.
    Adopt {
        /// Which one.
        native_id: String,
        /// Its name there.
        native_name: String,
        /// As it was planned on.
        fingerprint: Fingerprint,
        /// What it becomes.
        desired: Box<Desired>,
    },
    /// Takes our mark off an object, which stays as it is.
    Forget {
        /// Which one.
        native_id: String,
        /// Its name there.
        native_name: String,
        /// As it was planned on.
        fingerprint: Fingerprint,
    },
    /// Starts the object.
    Start {
        /// Which one.
        native_id: String,
        /// As it was planned on.
        fingerprint: Fingerprint,
    },
    /// Removes the object, stopping it first.
    Remove {
        /// Which one.
        native_id: String,
        /// Its name there.
        native_name: String,
        /// As it was planned on.
        fingerprint: Fingerprint,
    },
}

/// What a step needs to be allowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    /// The operator's own rights on this host.
    User,
    /// The engine's API.
    Engine,
    /// The superuser of the datahub's database, reached from inside its container.
    Database,
}

/// How long a step takes, roughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// One call.
    Instant,
    /// Something starts or stops.
    Seconds,
    /// An image is moved over the network.
    Minutes,
}

/// The worst that a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nothing that anybody notices.
    None,
    /// The node is away for a moment or for good; its data stays.
    Downtime,
    /// Data is deleted.
    DataLoss,
}
