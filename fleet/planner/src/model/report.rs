//! What a plan leaves as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Owner, ResourceId};

/// What a plan does not do.
#[must_use = "what is blocked or foreign must be shown"]
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlanReport {
    /// As it should be.
    pub unchanged: BTreeSet<ResourceId>,
    /// Cannot be planned now.
    pub blocked: BTreeMap<ResourceId, Blocked>,
    /// Not ours, but in our way.
    pub foreign: Vec<Foreign>,
    /// Ours, no longer wanted, and left alone because it holds data.
    pub kept: Vec<Kept>,
    /// What the options of the plan left out although something would happen to it.
    pub left_out: BTreeSet<ResourceId>,
}

/// Why a resource cannot be planned now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// Why.
    pub why: String,
    /// What to do about it.
    pub fix: String,
}

/// An object that is not ours and bears a name that we want. Never touched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Foreign {
    /// The address whose name it bears.
    pub resource: ResourceId,
    /// Its name on the target.
    pub native_name: String,
    /// Whose it is, in words.
    pub owner: String,
}

/// Data that stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Kept {
    /// Its address.
    pub resource: ResourceId,
    /// Its name on the target.
    pub native_name: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours => f.write_str("this fleet"),
            Self::OtherFleet(fleet) => write!(f, "fleet `{fleet}`"),
            Self::Foreign => f.write_str("not made by RivetOS"),
        }
    }
}
