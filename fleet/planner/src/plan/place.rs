//! What only the target can tell: what an image's name means there, and which ports are free.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Blocked, Desired, DesiredSet, Field, Inventory, Kind, Life, Observed, ResourceId, Spec,
};

/// What should be on this target. Only what the target had a part in is a copy.
pub(super) type Resources<'a> = BTreeMap<&'a ResourceId, Cow<'a, Desired>>;

/// The desired set with image ids and ports filled in, and what could not be.
pub(super) struct Placed<'a> {
    pub(super) resources: Resources<'a>,
    pub(super) without_port: BTreeSet<&'a ResourceId>,
}

/// Fills in what only the target can tell.
pub(super) fn place<'a>(set: &'a DesiredSet, inventory: &Inventory) -> Placed<'a> {
    let image_ids = image_ids(set, inventory);
    let mut resources: Resources<'a> = set
        .resources
        .iter()
        .map(|(id, desired)| (id, with_image_id(desired, &image_ids)))
        .collect();
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

fn with_image_id<'a>(desired: &'a Desired, ids: &BTreeMap<&str, String>) -> Cow<'a, Desired> {
    let mut desired = Cow::Borrowed(desired);
    if let Spec::Container(container) = &desired.spec {
        let image_id = ids.get(container.image.as_str());
        if container.image_id.as_ref() != image_id
            && let Spec::Container(container) = &mut desired.to_mut().spec
        {
            container.image_id = image_id.cloned();
        }
    }
    desired
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
fn assign_ports<'a>(
    resources: &mut Resources<'a>,
    set: &DesiredSet,
    inventory: &Inventory,
) -> BTreeSet<&'a ResourceId> {
    let range = set.port_range.first..=set.port_range.last;
    let mut live: BTreeMap<&ResourceId, Vec<(&Observed, u16)>> = BTreeMap::new();
    // Whoever has a port keeps it from the others, even when it is about to go.
    let mut taken = inventory.facts.ports_in_use.clone();
    for object in &inventory.observed {
        if let (Kind::Agent, Some(port)) = (object.id.kind, port_of(object)) {
            live.entry(&object.id).or_default().push((object, port));
            taken.insert(port);
        }
    }
    let mut free = range.clone().filter(|port| !taken.contains(port));

    let mut without = BTreeSet::new();
    for (id, desired) in resources {
        if !matches!(desired.spec, Spec::Process(_)) {
            continue;
        }
        let own = live
            .get(*id)
            .into_iter()
            .flatten()
            .filter(|(object, _)| object.uid.as_ref() == Some(&desired.uid))
            .find(|(object, port)| range.contains(port) && keeps(object, *port, inventory));
        let port = match own {
            Some((_, port)) => Some(*port),
            None => free.next(),
        };
        if port.is_none() {
            without.insert(*id);
        }
        if let Spec::Process(process) = &mut desired.to_mut().spec {
            process.port = port;
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
