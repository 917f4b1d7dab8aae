//! What only the target can tell: what an image's name means there, which ports are free, and
//! under which name it has files that hold the same.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Blocked, Desired, DesiredSet, Field, Fields, Inventory, Kind, Life, Observed, Owner,
    ResourceId, Spec, TargetId, Uid,
};

/// What should be on this target. Only what the target had a part in is a copy.
pub(super) type Resources<'a> = BTreeMap<&'a ResourceId, Cow<'a, Desired>>;

/// The desired set with image ids, ports and the names of live files filled in, and what could not
/// be.
pub(super) struct Placed<'a> {
    pub(super) resources: Resources<'a>,
    pub(super) without_port: BTreeSet<&'a ResourceId>,
}

/// Fills in what only the target can tell. `elsewhere` are images that other targets have.
pub(super) fn place<'a>(
    set: &'a DesiredSet,
    inventory: &Inventory,
    elsewhere: &BTreeMap<String, (TargetId, String)>,
) -> Placed<'a> {
    let image_ids = image_ids(set, inventory, elsewhere);
    let names = live_names(set, inventory);
    let mut resources: Resources<'a> = set
        .resources
        .iter()
        .map(|(id, desired)| (id, resolved(desired, &image_ids, &names)))
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

fn resolved<'a>(
    desired: &'a Desired,
    ids: &BTreeMap<&str, String>,
    names: &BTreeMap<&str, String>,
) -> Cow<'a, Desired> {
    let mut desired = Cow::Borrowed(desired);
    match &desired.spec {
        Spec::Container(container) => {
            let image_id = ids.get(container.image.as_str());
            let renamed = container
                .mounts
                .values()
                .any(|mount| names.contains_key(mount.volume.as_str()));
            if (container.image_id.as_ref() != image_id || renamed)
                && let Spec::Container(container) = &mut desired.to_mut().spec
            {
                container.image_id = image_id.cloned();
                for mount in container.mounts.values_mut() {
                    take_name(&mut mount.volume, names);
                }
            }
        }
        Spec::Files(files) if names.contains_key(files.native_name.as_str()) => {
            if let Spec::Files(files) = &mut desired.to_mut().spec {
                take_name(&mut files.native_name, names);
            }
        }
        Spec::Role(role) if names.contains_key(role.secret_native_name.as_str()) => {
            if let Spec::Role(role) = &mut desired.to_mut().spec {
                take_name(&mut role.secret_native_name, names);
            }
        }
        Spec::Files(_)
        | Spec::Role(_)
        | Spec::Network(_)
        | Spec::Volume(_)
        | Spec::Image(_)
        | Spec::Process(_) => {}
    }
    desired
}

fn take_name(name: &mut String, names: &BTreeMap<&str, String>) {
    if let Some(live) = names.get(name.as_str()) {
        name.clone_from(live);
    }
}

/// Files on an engine are named by what they hold. Where live ones hold the same as far as can be
/// told (a lost fleet key tells nothing of given secrets) their name stands. By wanted name.
fn live_names<'a>(set: &'a DesiredSet, inventory: &Inventory) -> BTreeMap<&'a str, String> {
    let mut live: BTreeMap<&Uid, Vec<&Observed>> = BTreeMap::new();
    for object in &inventory.observed {
        if let (Owner::Ours, Some(uid), Life::Present) = (&object.owner, &object.uid, &object.life)
        {
            live.entry(uid).or_default().push(object);
        }
    }
    let mut names = BTreeMap::new();
    for desired in set.resources.values() {
        let Spec::Files(files) = &desired.spec else {
            continue;
        };
        let objects = live.get(&desired.uid).map_or(&[][..], Vec::as_slice);
        if files.carrier_image.is_none()
            || objects.iter().any(|o| o.native_name == files.native_name)
        {
            continue;
        }
        let wanted = desired.spec.fields();
        let same = objects
            .iter()
            .filter(|object| holds_the_same(&wanted, &object.fields))
            .min_by_key(|object| &object.native_name);
        if let Some(object) = same {
            names.insert(files.native_name.as_str(), object.native_name.clone());
        }
    }
    names
}

fn holds_the_same(wanted: &Fields, live: &Fields) -> bool {
    wanted.len() == live.len()
        && wanted
            .iter()
            .filter(|(name, _)| *name != "name")
            .all(|(name, field)| live.get(name).is_some_and(|live| !field.differs(live)))
}

/// The id of each wanted image that is there, or will be brought over, by its reference.
fn image_ids<'a>(
    set: &'a DesiredSet,
    inventory: &Inventory,
    elsewhere: &BTreeMap<String, (TargetId, String)>,
) -> BTreeMap<&'a str, String> {
    let mut live: BTreeMap<&ResourceId, &Observed> = BTreeMap::new();
    for object in inventory
        .observed
        .iter()
        .filter(|o| o.id.kind == Kind::Image)
    {
        let known = live.entry(&object.id).or_insert(object);
        if object.native_id < known.native_id {
            *known = object;
        }
    }
    let mut ids = BTreeMap::new();
    for desired in set.resources.values() {
        if let Spec::Image(image) = &desired.spec {
            let here = live.get(&desired.id).map(|object| &object.native_id);
            let there = elsewhere.get(&image.reference).map(|(_, id)| id);
            if let Some(id) = here.or(there) {
                ids.insert(image.reference.as_str(), id.clone());
            }
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
    let mut live: BTreeMap<&Uid, Vec<(&Observed, u16)>> = BTreeMap::new();
    // Whoever has a port keeps it from the others, even when it is about to go.
    let mut taken = inventory.facts.ports_in_use.clone();
    for object in &inventory.observed {
        if let (Kind::Agent, Some(port)) = (object.id.kind, port_of(object)) {
            if let Some(uid) = &object.uid {
                live.entry(uid).or_default().push((object, port));
            }
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
            .get(&desired.uid)
            .into_iter()
            .flatten()
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
