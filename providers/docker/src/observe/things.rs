//! Networks, volumes and images: what a list tells of them is all there is.

use std::collections::{BTreeMap, HashMap};

use bollard::errors::Error;
use bollard::models::{ImageConfig, ImageInspect, Network, Volume};
use rivetos_fleet::label::{Claim, Identity};
use rivetos_fleet::model::{
    ErrorScope, Field, Fields, Fingerprint, Inventory, InventoryError, Kind, Life, NetworkSpec,
    Observed, Owner, Protection, ResourceId, Spec, VolumeSpec,
};

use super::Containers;
use super::shelf::{self, Shelf, Wanted};
use crate::DockerProvider;
use crate::apply::{incarnation, unfinished_names, volume_fingerprint};
use crate::error::said;

/// Adds the networks. Returns the id of every network by its name.
pub(super) fn networks(
    provider: &DockerProvider,
    wanted: &Wanted<'_>,
    list: Vec<Network>,
    containers: &Containers,
    inventory: &mut Inventory,
) -> HashMap<String, String> {
    let mut ids = HashMap::new();
    for network in list {
        let (Some(id), Some(name)) = (network.id, network.name) else {
            continue;
        };
        ids.insert(name.clone(), id.clone());
        let labels = network.labels.unwrap_or_default();
        let labels = containers.claims.over(&id, labels, &provider.fleet);
        let identity = Identity::from_labels(&labels, &provider.fleet);
        let Some(resource) = own_address(&identity) else {
            let found = shelf::in_our_way(wanted, Shelf::Network, (id, name), identity);
            inventory.observed.extend(found);
            continue;
        };
        let spec = NetworkSpec {
            native_name: name.clone(),
            driver: network.driver.unwrap_or_default(),
        };
        inventory.observed.push(Observed {
            id: resource,
            uid: identity.uid,
            born: Fields::new(),
            predecessor: None,
            protection: Protection::None,
            fingerprint: Fingerprint(id.clone()),
            native_id: id,
            native_name: name,
            owner: identity.owner,
            spec_hash: identity.spec_hash,
            fields: Spec::Network(spec).fields(),
            life: Life::Present,
        });
    }
    ids
}

/// Adds the volumes. Returns for every volume of the fleet what tells it from its predecessors.
pub(super) fn volumes(
    provider: &DockerProvider,
    wanted: &Wanted<'_>,
    list: Vec<Volume>,
    containers: &Containers,
    inventory: &mut Inventory,
) -> BTreeMap<String, String> {
    let mut incarnations = BTreeMap::new();
    for volume in list {
        let incarnation = incarnation(&volume);
        let fingerprint = volume_fingerprint(&volume);
        let name = volume.name;
        let claims = &containers.claims;
        let labels = claims.over(&name, volume.labels, &provider.fleet);
        let identity = Identity::from_labels(&labels, &provider.fleet);
        let protection = if claims.says(&name, Claim::Protect) {
            Protection::Protected
        } else {
            Protection::None
        };
        let Some(resource) = own_address(&identity) else {
            let found = shelf::in_our_way(wanted, Shelf::Volume, (name.clone(), name), identity);
            inventory.observed.extend(found);
            continue;
        };
        let mut fields = if resource.kind == Kind::Volume {
            Spec::Volume(VolumeSpec {
                native_name: name.clone(),
                protection,
            })
            .fields()
        } else {
            Fields::from([("name".to_owned(), Field::text(&name))])
        };
        fields.extend(identity.files);
        let marks = unfinished_names(&name);
        let mark = marks
            .iter()
            .find(|mark| containers.carriers.contains_key(*mark));
        let life = mark.map_or(Life::Present, |mark| {
            Life::Incomplete(format!("it was not filled to its end: `{mark}` is there"))
        });
        inventory.observed.push(Observed {
            id: resource,
            uid: identity.uid,
            born: Fields::new(),
            predecessor: None,
            protection,
            fingerprint,
            native_id: name.clone(),
            native_name: name.clone(),
            owner: identity.owner,
            spec_hash: identity.spec_hash,
            fields,
            life,
        });
        incarnations.insert(name, incarnation);
    }
    incarnations
}

/// Adds the wanted images that are there. Returns their configurations by id.
pub(super) fn images(
    wanted: &Wanted<'_>,
    answers: Vec<(String, Result<Option<ImageInspect>, Error>)>,
    inventory: &mut Inventory,
) -> HashMap<String, ImageConfig> {
    let mut configs = HashMap::new();
    let answers: BTreeMap<_, _> = answers.into_iter().collect();
    for (resource, image) in wanted.images() {
        let live = match answers.get(&image.reference) {
            Some(Ok(Some(live))) => live,
            Some(Ok(None)) | None => continue,
            Some(Err(error)) => {
                inventory.errors.push(InventoryError {
                    scope: ErrorScope::Resource(resource.id.clone()),
                    message: format!("looking for `{}` failed: {}", image.reference, said(error)),
                });
                continue;
            }
        };
        let id = live.id.clone().unwrap_or_default();
        configs.insert(id.clone(), live.config.clone().unwrap_or_default());
        let mut fields = resource.spec.fields();
        if let Some(architecture) = &live.architecture {
            fields.insert("architecture".to_owned(), Field::text(architecture));
        }
        // An image is found by its name and belongs to whoever uses it.
        inventory.observed.push(Observed {
            id: resource.id.clone(),
            uid: Some(resource.uid.clone()),
            born: Fields::new(),
            predecessor: None,
            protection: Protection::None,
            fingerprint: Fingerprint(id.clone()),
            native_id: id,
            native_name: image.reference.clone(),
            owner: Owner::Ours,
            spec_hash: Some(resource.spec.hash()),
            fields,
            life: Life::Present,
        });
    }
    configs
}

/// The address of an object of the fleet that keeps something or connects something.
fn own_address(identity: &Identity) -> Option<ResourceId> {
    let id = identity
        .id
        .clone()
        .filter(|_| identity.owner == Owner::Ours)?;
    match id.kind {
        Kind::Network | Kind::Volume | Kind::Config | Kind::Secret => Some(id),
        Kind::Image | Kind::Datahub | Kind::Role | Kind::Agent => None,
    }
}
