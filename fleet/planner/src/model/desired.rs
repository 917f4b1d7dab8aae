//! What should be.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use rivetos_config::{FleetId, PortRange};

use super::{ResourceId, Spec, TargetId, Uid};

/// One resource as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Its address.
    pub id: ResourceId,
    /// Its identity.
    pub uid: Uid,
    /// What it should be.
    pub spec: Spec,
    /// What must be there before it. A replacement of one of these replaces this one too, except
    /// for images, which are compared by id.
    pub after: BTreeSet<ResourceId>,
}

/// A whole fleet as it should be, target by target. A target of the fleet on which nothing should
/// be is there with an empty set: what is left of the fleet on it is found and removed.
pub type Layout = BTreeMap<TargetId, DesiredSet>;

/// Adds targets on which nothing should be and something may be: the fleet was there before.
pub fn look_also_at(layout: &mut Layout, before: impl IntoIterator<Item = TargetId>) {
    let Some(nothing) = layout.values().next().map(DesiredSet::without_resources) else {
        return;
    };
    for target in before {
        layout.entry(target).or_insert_with(|| nothing.clone());
    }
}

/// A fleet's part of one target as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredSet {
    /// The fleet.
    pub fleet: FleetId,
    /// By address.
    pub resources: BTreeMap<ResourceId, Desired>,
    /// Where loopback ports of local agents come from.
    pub port_range: PortRange,
}

impl DesiredSet {
    /// Nothing of the same fleet.
    #[must_use]
    pub fn without_resources(&self) -> Self {
        Self {
            fleet: self.fleet.clone(),
            resources: BTreeMap::new(),
            port_range: self.port_range,
        }
    }
}
