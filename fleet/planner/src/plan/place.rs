//! What only the target can tell: what an image's name means there, and which ports are free.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Blocked, Desired, DesiredSet, Field, Inventory, Kind, Life, Observed, ResourceId, Spec,
};

/// The desired set with image ids and ports filled in, and what could not be.
pub(super) struct Placed {
    pub(super) resources: BTreeMap<ResourceId, Desired>,
    pub(super) without_port: BTreeSet<ResourceId>,
}

/// Fills in what only the target can tell.
pub(super) fn place(set: &DesiredSet, inventory: &Inventory) -> Placed {
    let mut resources = set.resources.clone();
    let image_ids = image_ids(set, inventory);
    for desired in resources.values_mut() {
        if let Spec::Container(container) = &mut desired.spec {
            container.image_id = image_ids.get(container.image.as_str()).cloned();
        }
    }
    let without_port = assign_ports(&mut resources, set, inventory);
    Placed {
        resources,
        without_port,
    }
}

/// Why an agent without a port cannot be planned.
pub(super) fn no_port_left(set: &DesiredSet) -> Blocked {
    let range = set.port_range;
    Blocked {
        why: format!("no port of {}-{} is free", range.first, range.last),
        fix: "widen `deployment.local.port_range`, or stop what listens there".to_owned(),
    }
}

/// The id of each wanted image that is there, by its reference.
fn image_ids<'a>(set: &'a DesiredSet, inventory: &Inventory) -> BTreeMap<&'a str, String> {
    let mut ids = BTreeMap::new();
    for desired in set.resources.values() {
        if let Spec::Image(image) = &desired.spec
            && let Some(live) = inventory
                .observed
                .iter()
                .filter(|object| object.id == desired.id)
                .min_by_key(|object| &object.native_id)
        {
            ids.insert(image.reference.as_str(), live.native_id.clone());
        }
    }
    ids
}

/// Gives every process a port: the one it has, else the lowest free one of the range, in the
/// order of addresses. Returns those for which none was left.
fn assign_ports(
    resources: &mut BTreeMap<ResourceId, Desired>,
    set: &DesiredSet,
    inventory: &Inventory,
) -> BTreeSet<ResourceId> {
    let range = set.port_range.first..=set.port_range.last;
    let live: Vec<(&Observed, u16)> = inventory
        .observed
        .iter()
        .filter(|object| object.id.kind == Kind::Agent)
        .filter_map(|object| Some((object, port_of(object)?)))
        .collect();
    // Whoever has a port keeps it from the others, even when it is about to go.
    let mut taken: BTreeSet<u16> = live.iter().map(|(_, port)| *port).collect();
    taken.extend(&inventory.facts.ports_in_use);

    let mut without = BTreeSet::new();
    for (id, desired) in resources {
        let Spec::Process(process) = &mut desired.spec else {
            continue;
        };
        let own = live
            .iter()
            .filter(|(object, _)| object.id == *id && object.uid.as_ref() == Some(&desired.uid))
            .find(|(object, port)| range.contains(port) && keeps(object, *port, inventory));
        process.port = match own {
            Some((_, port)) => Some(*port),
            None => range.clone().find(|port| !taken.contains(port)),
        };
        match process.port {
            Some(port) => {
                taken.insert(port);
            }
            None => {
                without.insert(id.clone());
            }
        }
    }
    without
}

/// Whether the agent can go on with its port. One that does not run while somebody listens there
/// has lost it.
fn keeps(object: &Observed, port: u16, inventory: &Inventory) -> bool {
    let runs = match object.life {
        Life::Running | Life::Present => true,
        Life::Stopped(_) | Life::Incomplete(_) | Life::Dormant(_) => false,
    };
    runs || !inventory.facts.ports_in_use.contains(&port)
}

fn port_of(object: &Observed) -> Option<u16> {
    match object.fields.get("port")? {
        Field::Text(port) => port.parse().ok(),
        Field::Keyed(_) | Field::Unknown => None,
    }
}
