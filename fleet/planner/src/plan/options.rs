//! What of a plan the operator wants.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::model::{Inventories, Kind, Layout, ResourceId};

/// Which part of what could be done is planned. The default is everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanOptions {
    /// Only these, and what they need; empty: everything.
    pub only: BTreeSet<ResourceId>,
    /// Not these, and not what needs them.
    pub except: BTreeSet<ResourceId>,
    /// These are made again even when they are as they should be.
    pub replace: BTreeSet<ResourceId>,
    /// Whether changes of the configuration are planned too.
    pub scope: Scope,
}

/// What a plan is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Whatever differs.
    #[default]
    All,
    /// Only what is no longer as it was made: changed by hand, stopped, gone or unfinished.
    Drift,
}

/// Why options make no sense for this fleet.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OptionsError {
    /// Nothing bears these addresses, in the configuration or on a target.
    #[error("the fleet has no {}", list(.0))]
    Unknown(Vec<ResourceId>),
    /// They cannot be made again: they hold data, or are used and never changed.
    #[error("{} cannot be replaced", list(.0))]
    NotReplaceable(Vec<ResourceId>),
}

impl OptionsError {
    /// What to do about it.
    pub fn fix(&self) -> String {
        match self {
            Self::Unknown(_) => "`rivetos infra graph` shows every address".to_owned(),
            Self::NotReplaceable(_) => {
                "replace the agent that uses them; data stays where it is".to_owned()
            }
        }
    }
}

impl PlanOptions {
    /// Whether every address that is named is there and can be treated like that.
    pub fn check(&self, layout: &Layout, seen: &Inventories) -> Result<(), OptionsError> {
        let named = self.only.iter().chain(&self.except).chain(&self.replace);
        let unknown: BTreeSet<&ResourceId> =
            named.filter(|id| !is_known(id, layout, seen)).collect();
        if !unknown.is_empty() {
            return Err(OptionsError::Unknown(
                unknown.into_iter().cloned().collect(),
            ));
        }
        let fixed: Vec<ResourceId> = self
            .replace
            .iter()
            .filter(|id| matches!(id.kind, Kind::Volume | Kind::Image))
            .cloned()
            .collect();
        if fixed.is_empty() {
            Ok(())
        } else {
            Err(OptionsError::NotReplaceable(fixed))
        }
    }
}

fn is_known(id: &ResourceId, layout: &Layout, seen: &Inventories) -> bool {
    layout.values().any(|set| set.resources.contains_key(id))
        || seen
            .values()
            .flat_map(|inventory| &inventory.observed)
            .any(|object| object.id == *id)
}

fn list(ids: &[ResourceId]) -> String {
    ids.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
