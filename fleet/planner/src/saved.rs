//! A plan that is kept in a file until somebody says yes.
//!
//! What is saved is bound to everything that it was made from: the configuration, each live object
//! that it touches, and the fleet's key. It is carried out as it is or not at all.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use rivetos_config::FleetId;

use crate::key::FleetKey;
use crate::model::{
    ErrorScope, Inventories, Inventory, Layout, Observed, Op, Plan, ResourceId, Step, TargetId, Uid,
};

/// The shape of the file. A reader of one shape refuses the others.
const FORMAT: u32 = 1;
/// How long a saved plan may be carried out, in milliseconds: a working day and a night.
const LIFETIME_MS: u64 = 24 * 60 * 60 * 1000;

/// A plan with what it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    format: u32,
    /// Version and commit of the tool that made it.
    tool: String,
    fleet: FleetId,
    /// SHA-256 over what should be, hex.
    config_sha256: String,
    created_unix_ms: u64,
    expires_unix_ms: u64,
    plan: Plan,
    /// Of every place that the plan touches, what was there: see [`View::stamp_of`].
    stamps: BTreeMap<String, String>,
    /// HMAC-SHA-256 over all of the above as JSON, hex.
    mac: String,
}

/// When and by what a plan is saved or taken up.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Version and commit of the tool.
    pub tool: &'a str,
    /// Milliseconds since the Unix epoch.
    pub unix_ms: u64,
}

/// Why a file is not a plan that may be carried out. Nothing was changed.
#[derive(Debug, Error)]
pub enum SavedPlanError {
    /// It is something else.
    #[error("it is not a saved plan")]
    NotAPlan(#[source] serde_json::Error),
    /// It has another shape than this version writes.
    #[error("it has format {0} and this version reads format {FORMAT}")]
    Format(u32),
    /// It is another fleet's.
    #[error("it is a plan of fleet `{0}`")]
    OtherFleet(FleetId),
    /// It was changed since it was saved, or the fleet's key is another one.
    #[error("it was changed since it was saved, or saved with another key of the fleet")]
    Mac,
    /// It was made by another version.
    #[error("it was made by {0}")]
    OtherTool(String),
    /// It is too old.
    #[error("it expired")]
    Expired,
    /// The configuration changed.
    #[error("the configuration changed since it was saved")]
    OtherConfig,
}

impl SavedPlanError {
    /// What to do about it.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::NotAPlan(_) | Self::Format(_) => {
                "make one with `rivetos infra preview --out FILE`"
            }
            Self::OtherFleet(_) => "name that fleet's file with `--config`",
            Self::Mac | Self::OtherTool(_) | Self::Expired | Self::OtherConfig => {
                "make the plan again with `rivetos infra preview --out FILE` and look at it"
            }
        }
    }

    /// Whether the plan was right once and the world went on.
    pub fn is_stale(&self) -> bool {
        match self {
            Self::Expired | Self::OtherConfig | Self::OtherTool(_) => true,
            Self::NotAPlan(_) | Self::Format(_) | Self::OtherFleet(_) | Self::Mac => false,
        }
    }
}

impl SavedPlan {
    /// Saves `plan`, which was made from `layout` and `seen`.
    pub fn seal(
        plan: Plan,
        (layout, seen): (&Layout, &Inventories),
        key: &FleetKey,
        now: Moment<'_>,
    ) -> Self {
        let mut saved = Self {
            format: FORMAT,
            tool: now.tool.to_owned(),
            fleet: plan.fleet.clone(),
            config_sha256: digest_of(layout),
            created_unix_ms: now.unix_ms,
            expires_unix_ms: now.unix_ms.saturating_add(LIFETIME_MS),
            stamps: stamps(&plan, seen),
            plan,
            mac: String::new(),
        };
        saved.mac = key.seal(&saved.without_mac());
        saved
    }

    /// The file's text. It holds no secret: those stay references.
    pub fn to_json(&self) -> String {
        // Strings, numbers, lists and maps with string keys always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads the text of a file, for the fleet that `layout` describes.
    pub fn open(
        text: &str,
        (fleet, layout): (&FleetId, &Layout),
        key: &FleetKey,
        now: Moment<'_>,
    ) -> Result<Self, SavedPlanError> {
        let shape: Shape = serde_json::from_str(text).map_err(SavedPlanError::NotAPlan)?;
        if shape.format != FORMAT {
            return Err(SavedPlanError::Format(shape.format));
        }
        let saved: Self = serde_json::from_str(text).map_err(SavedPlanError::NotAPlan)?;
        if saved.fleet != *fleet || saved.plan.fleet != *fleet {
            return Err(SavedPlanError::OtherFleet(saved.fleet));
        }
        if !key.verify(&saved.without_mac(), &saved.mac) {
            return Err(SavedPlanError::Mac);
        }
        if saved.tool != now.tool {
            return Err(SavedPlanError::OtherTool(saved.tool));
        }
        if now.unix_ms >= saved.expires_unix_ms {
            return Err(SavedPlanError::Expired);
        }
        if saved.config_sha256 != digest_of(layout) {
            return Err(SavedPlanError::OtherConfig);
        }
        Ok(saved)
    }

    /// What is no longer there as it was when the plan was made, address by address; empty: the
    /// plan still fits.
    pub fn moved(&self, seen: &Inventories) -> Vec<String> {
        let now = stamps(&self.plan, seen);
        self.stamps
            .iter()
            .filter(|(place, stamp)| now.get(*place) != Some(stamp))
            .map(|(place, _)| place.clone())
            .collect()
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The plan, to be approved.
    pub fn into_plan(self) -> Plan {
        self.plan
    }

    /// When it was made, in milliseconds since the Unix epoch.
    pub fn created_unix_ms(&self) -> u64 {
        self.created_unix_ms
    }

    fn without_mac(&self) -> Vec<u8> {
        let bare = Self {
            mac: String::new(),
            ..self.clone()
        };
        serde_json::to_vec(&bare).unwrap_or_default()
    }
}

/// The part of the file that tells whether the rest can be read.
#[derive(Deserialize)]
struct Shape {
    format: u32,
}

/// What should be, in one number: every resource of every target, with the keyed hashes of
/// secrets. A target on which nothing should be is looked at or not, which changes nothing here.
fn digest_of(layout: &Layout) -> String {
    let all: Vec<_> = layout
        .iter()
        .filter(|(_, set)| !set.resources.is_empty())
        .map(|(target, set)| (target, set.resources.values().collect::<Vec<_>>()))
        .collect();
    sha256(&serde_json::to_vec(&all).unwrap_or_default())
}

fn stamps(plan: &Plan, seen: &Inventories) -> BTreeMap<String, String> {
    let views: BTreeMap<&TargetId, View<'_>> = seen
        .iter()
        .map(|(target, inventory)| (target, View::of(inventory)))
        .collect();
    plan.steps
        .iter()
        .map(|step| {
            let place = format!("{} on {}", step.resource, step.target);
            let stamp = views
                .get(&step.target)
                .map_or_else(|| sha256(b"not looked at"), |view| view.stamp_of(step));
            (place, stamp)
        })
        .collect()
}

/// The objects of a target, by what a step calls them.
struct View<'a> {
    by_id: BTreeMap<&'a ResourceId, Vec<&'a Observed>>,
    of_identity: BTreeMap<&'a Uid, Vec<&'a Observed>>,
    /// What could not be seen.
    hidden: Vec<&'a ErrorScope>,
}

impl<'a> View<'a> {
    fn of(inventory: &'a Inventory) -> Self {
        let mut by_id: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut of_identity: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for object in &inventory.observed {
            by_id.entry(&object.id).or_default().push(object);
            if let Some(uid) = &object.uid {
                of_identity.entry(uid).or_default().push(object);
            }
        }
        Self {
            by_id,
            of_identity,
            hidden: inventory.errors.iter().map(|error| &error.scope).collect(),
        }
    }

    /// Changes whenever anything about the objects changes that a step may touch: what bears the
    /// resource's address or identity, and what the step names. What could not be seen is part of
    /// it.
    fn stamp_of(&self, step: &Step) -> String {
        let uid = match &step.op {
            Op::Create { desired }
            | Op::Ensure { desired }
            | Op::Update { desired, .. }
            | Op::Swap { desired, .. }
            | Op::Load { desired, .. }
            | Op::Adopt { desired, .. } => Some(&desired.uid),
            Op::Start { .. } | Op::Confirm { .. } | Op::Remove { .. } | Op::Forget { .. } => None,
        };
        let at_address = self.by_id.get(&step.resource).into_iter().flatten();
        let same = uid.and_then(|uid| self.of_identity.get(uid));
        let mut objects: Vec<&Observed> = at_address
            .chain(same.into_iter().flatten())
            .copied()
            .collect();
        objects.sort_by(|a, b| a.native_id.cmp(&b.native_id));
        objects.dedup_by(|a, b| std::ptr::eq(*a, *b));
        sha256(&serde_json::to_vec(&(objects, &self.hidden)).unwrap_or_default())
    }
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}
