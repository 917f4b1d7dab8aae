//! The names that a fleet wants, by the engine's name spaces.

use std::collections::BTreeMap;

use rivetos_fleet::label::Identity;
use rivetos_fleet::model::{
    ContainerSpec, Desired, DesiredSet, Fields, Fingerprint, ImageSpec, Life, Observed, Protection,
    ResourceId, Spec,
};

/// A name space of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shelf {
    Container,
    Network,
    Volume,
}

/// What is wanted, by name.
pub(super) struct Wanted<'a> {
    desired: &'a DesiredSet,
    names: BTreeMap<(Shelf, &'a str), &'a Desired>,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(desired: &'a DesiredSet) -> Self {
        let names = desired
            .resources
            .values()
            .filter_map(|resource| Some((place(&resource.spec)?, resource)))
            .collect();
        Self { desired, names }
    }

    pub(super) fn container(&self, id: &ResourceId) -> Option<&'a ContainerSpec> {
        match &self.desired.resources.get(id)?.spec {
            Spec::Container(container) => Some(container),
            Spec::Network(_)
            | Spec::Volume(_)
            | Spec::Files(_)
            | Spec::Image(_)
            | Spec::Process(_)
            | Spec::Role(_) => None,
        }
    }

    pub(super) fn images(&self) -> impl Iterator<Item = (&'a Desired, &'a ImageSpec)> {
        self.desired
            .resources
            .values()
            .filter_map(|resource| match &resource.spec {
                Spec::Image(image) => Some((resource, image)),
                Spec::Network(_)
                | Spec::Volume(_)
                | Spec::Files(_)
                | Spec::Container(_)
                | Spec::Process(_)
                | Spec::Role(_) => None,
            })
    }

    pub(super) fn has_roles(&self) -> bool {
        self.desired
            .resources
            .values()
            .any(|resource| matches!(resource.spec, Spec::Role(_)))
    }
}

fn place(spec: &Spec) -> Option<(Shelf, &str)> {
    match spec {
        Spec::Network(network) => Some((Shelf::Network, &network.native_name)),
        Spec::Volume(volume) => Some((Shelf::Volume, &volume.native_name)),
        Spec::Files(files) => Some((Shelf::Volume, &files.native_name)),
        Spec::Container(container) => Some((Shelf::Container, &container.native_name)),
        Spec::Image(_) | Spec::Process(_) | Spec::Role(_) => None,
    }
}

/// The entry for an object that bears a name which the fleet wants and no address of the fleet.
pub(super) fn in_our_way(
    wanted: &Wanted<'_>,
    shelf: Shelf,
    (native_id, native_name): (String, String),
    identity: Identity,
) -> Option<Observed> {
    let resource = wanted.names.get(&(shelf, native_name.as_str()))?;
    Some(Observed {
        id: resource.id.clone(),
        uid: identity.uid,
        born: Fields::new(),
        predecessor: None,
        protection: Protection::None,
        fingerprint: Fingerprint(native_id.clone()),
        native_id,
        native_name,
        owner: identity.owner,
        spec_hash: identity.spec_hash,
        fields: Fields::new(),
        life: Life::Present,
    })
}
