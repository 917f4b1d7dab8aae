//! What is, with what could not be seen.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use rivetos_config::FleetId;

use super::{Fields, Kind, ResourceId, SpecHash, TargetId, Uid};

/// What was seen of every target. A target that is missing here was not looked at: everything on
/// it is blocked.
pub type Inventories = BTreeMap<TargetId, Inventory>;

/// All that was seen of one target, and what could not be seen.
///
/// Invariant: a resource that is neither in `observed` nor covered by `errors` is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    /// What was seen: everything of this fleet, and everything else that bears a name which the
    /// fleet wants. Order carries no meaning.
    pub observed: Vec<Observed>,
    /// What could not be seen.
    pub errors: Vec<InventoryError>,
    /// What was learnt about the target itself.
    pub facts: TargetFacts,
}

/// What was learnt about a target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetFacts {
    /// The machine's architecture as images name it (`amd64`), where it matters.
    pub architecture: Option<String>,
    /// Loopback ports of this host that somebody other than the fleet's own agents listens on
    /// (local target).
    pub ports_in_use: BTreeSet<u16>,
}

/// Something that could not be seen. What it covers is blocked, never created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryError {
    /// What it covers.
    pub scope: ErrorScope,
    /// What was tried and what came back.
    pub message: String,
}

/// What an inventory error covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorScope {
    /// The whole target.
    Target,
    /// All resources of a kind.
    Kind(Kind),
    /// One resource.
    Resource(ResourceId),
}

/// One live object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The address on its label; for objects that are not ours, the address whose name it bears.
    pub id: ResourceId,
    /// The identity on its label.
    pub uid: Option<Uid>,
    /// How the target calls it: a container id, a path.
    pub native_id: String,
    /// Its name there.
    pub native_name: String,
    /// Whose it is.
    pub owner: Owner,
    /// The hash on its label.
    pub spec_hash: Option<SpecHash>,
    /// What it is, in the same words as [`super::Spec`] lowered to fields. Only fields that we
    /// set are listed.
    pub fields: Fields,
    /// The values that its fields of class [`super::Class::Live`] had when it was made, as its
    /// label says; empty where nothing says so.
    pub born: Fields,
    /// Whether it runs.
    pub life: Life,
    /// The object that it took the place of and that is kept, stopped, until this one proved
    /// itself.
    pub predecessor: Option<Predecessor>,
    /// Whether its label says that it must never be removed.
    pub protection: Protection,
    /// Changes whenever the object changes.
    pub fingerprint: Fingerprint,
}

/// An object that another one took the place of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predecessor {
    /// How the target calls it.
    pub native_id: String,
    /// Its name there.
    pub native_name: String,
    /// Changes whenever it changes.
    pub fingerprint: Fingerprint,
}

/// Whether something may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// Like everything else.
    #[default]
    None,
    /// Only when its address was named to be unprotected.
    Protected,
}

/// Whose a live object is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// This fleet's.
    Ours,
    /// Another fleet's.
    OtherFleet(FleetId),
    /// Nobody's that we know.
    Foreign,
}

/// Whether a live object does its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// It is there; it is not of a kind that runs.
    Present,
    /// It runs.
    Running,
    /// It is there and does not run; says how it ended, for example `exited with code 137`.
    Stopped(String),
    /// A run was interrupted while it was being made: it must be made again. Says what is missing.
    Incomplete(String),
    /// It cannot be seen because what it lives in does not run; making sure of it is harmless.
    Dormant(String),
}

/// Opaque; equal exactly when nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);
