//! Looks at everything of a fleet that can drift: the lists of the engine, one inspect for each
//! container and image of the fleet, and one query for the logins.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::models::{
    ContainerInspectResponse, ContainerSummary, ContainerSummaryStateEnum, ImageConfig,
    ImageInspect,
};
use bollard::query_parameters::{ListContainersOptionsBuilder, ListVolumesOptions};
use futures_util::stream::{self, StreamExt};
use rivetos_fleet::label::{self, Identity};
use rivetos_fleet::model::{
    DesiredSet, ErrorScope, Fields, Inventory, InventoryError, Kind, Life, Observed, Owner,
    Predecessor, Protection, ResourceId, Spec, TargetFacts,
};

use crate::apply::container_fingerprint;
use crate::claim::{Claims, is_claim};
use crate::container::{Surroundings, lacks_limits, life, lift, unlimited};
use crate::error::{found, said};
use crate::{DockerProvider, role};

mod pairs;
mod shelf;
mod things;

use shelf::{Shelf, Wanted};

/// How many inspects are under way at once.
const INSPECTS_AT_ONCE: usize = 8;

/// All that the engine has of the fleet and of its names.
pub(crate) async fn observe(provider: &DockerProvider, desired: &DesiredSet) -> Inventory {
    let docker = &provider.engine.docker;
    let wanted = Wanted::of(desired);
    let mut inventory = Inventory {
        facts: TargetFacts {
            architecture: Some(provider.engine.architecture.clone()),
            ..TargetFacts::default()
        },
        ..Inventory::default()
    };
    let everything = ListContainersOptionsBuilder::new().all(true).build();
    let (containers, networks, volumes, images) = tokio::join!(
        docker.list_containers(Some(everything)),
        docker.list_networks(None),
        docker.list_volumes(None::<ListVolumesOptions>),
        wanted_images(provider, &wanted),
    );

    let mut containers = match containers {
        Ok(list) => sort_out(provider, &wanted, list, &mut inventory),
        // Whose a network or volume is may stand on a container.
        Err(error) => {
            let kinds = [
                Kind::Network,
                Kind::Volume,
                Kind::Config,
                Kind::Secret,
                Kind::Datahub,
                Kind::Role,
                Kind::Agent,
            ];
            unseen(&mut inventory, &kinds, "the containers", &error)
        }
    };
    let network_ids = match networks {
        Ok(list) => things::networks(provider, &wanted, list, &containers, &mut inventory),
        Err(error) => unseen(&mut inventory, &[Kind::Network], "the networks", &error),
    };
    let images = things::images(&wanted, images, &mut inventory);
    let incarnations = match volumes {
        Ok(list) => {
            let list = list.volumes.unwrap_or_default();
            things::volumes(provider, &wanted, list, &containers, &mut inventory)
        }
        Err(error) => {
            let kinds = [Kind::Volume, Kind::Config, Kind::Secret, Kind::Role];
            unseen(&mut inventory, &kinds, "the volumes", &error)
        }
    };
    let datahub = inspect_containers(
        provider,
        &wanted,
        std::mem::take(&mut containers.own),
        (images, network_ids),
        &mut inventory,
    )
    .await;
    if wanted.has_roles() || datahub.is_some() {
        let scene = role::Scene {
            datahub,
            incarnations,
            carriers: containers.carriers,
        };
        role::observe(provider, desired, scene, &mut inventory).await;
    }
    inventory
}

fn unseen<T: Default>(
    inventory: &mut Inventory,
    kinds: &[Kind],
    what: &str,
    error: &bollard::errors::Error,
) -> T {
    let message = format!("listing {what} failed: {}", said(error));
    inventory
        .errors
        .extend(kinds.iter().map(|kind| InventoryError {
            scope: ErrorScope::Kind(*kind),
            message: message.clone(),
        }));
    T::default()
}

/// What each wanted image is, if it is there, by its reference.
async fn wanted_images(
    provider: &DockerProvider,
    wanted: &Wanted<'_>,
) -> Vec<(String, Result<Option<ImageInspect>, bollard::errors::Error>)> {
    let references: Vec<String> = wanted
        .images()
        .map(|(_, image)| image.reference.clone())
        .collect();
    stream::iter(references)
        .map(|reference| async move {
            let answer = provider.engine.docker.inspect_image(&reference).await;
            (reference, found(answer))
        })
        .buffered(INSPECTS_AT_ONCE)
        .collect()
        .await
}

/// A container of the fleet that is to be looked at closely.
struct Own {
    resource: ResourceId,
    identity: Identity,
    container: String,
    name: String,
    image: String,
    state: Option<ContainerSummaryStateEnum>,
    /// Whose place it is to take, or took.
    replaces: Option<String>,
    /// The one that is kept until this one proved itself.
    predecessor: Option<Predecessor>,
}

/// The containers of the fleet.
#[derive(Default)]
struct Containers {
    own: Vec<Own>,
    /// Names of containers that an interrupted run left, with what they were made for.
    carriers: BTreeMap<String, ResourceId>,
    /// What is said of other objects.
    claims: Claims,
}

/// Tells apart what is the fleet's, what is in its way and what does not matter.
fn sort_out(
    provider: &DockerProvider,
    wanted: &Wanted<'_>,
    list: Vec<ContainerSummary>,
    inventory: &mut Inventory,
) -> Containers {
    let mut containers = Containers {
        claims: Claims::among(&list, &provider.fleet),
        ..Containers::default()
    };
    for summary in list {
        let id = summary.id.unwrap_or_default();
        let labels = summary.labels.unwrap_or_default();
        let labels = containers.claims.over(&id, labels, &provider.fleet);
        let identity = Identity::from_labels(&labels, &provider.fleet);
        if identity.owner == Owner::Ours && is_claim(&labels) {
            continue;
        }
        let name = summary
            .names
            .iter()
            .flatten()
            .map(|name| name.trim_start_matches('/').to_owned())
            .find(|name| !name.contains('/'))
            .unwrap_or_else(|| id.clone());
        let carried = labels
            .get(label::CARRIER)
            .and_then(|addr| addr.parse().ok());
        match (&identity.owner, carried, &identity.id) {
            (Owner::Ours, Some(carried), _) => {
                containers.carriers.insert(name, carried);
            }
            (Owner::Ours, None, Some(resource)) => containers.own.push(Own {
                resource: resource.clone(),
                container: id,
                name,
                state: summary.state,
                replaces: labels.get(label::REPLACES).cloned(),
                predecessor: None,
                image: summary.image_id.unwrap_or_default(),
                identity,
            }),
            (Owner::Ours, None, None) | (Owner::OtherFleet(_) | Owner::Foreign, _, _) => {
                inventory.observed.extend(shelf::in_our_way(
                    wanted,
                    Shelf::Container,
                    (id, name),
                    identity,
                ));
            }
        }
    }
    containers.own = pairs::join(containers.own);
    containers
}

type Images = HashMap<String, ImageConfig>;
type Networks = HashMap<String, String>;

/// Looks at each container of the fleet. Returns the datahub's, if it runs.
async fn inspect_containers(
    provider: &DockerProvider,
    wanted: &Wanted<'_>,
    own: Vec<Own>,
    (mut images, networks): (Images, Networks),
    inventory: &mut Inventory,
) -> Option<ContainerInspectResponse> {
    let docker = &provider.engine.docker;
    let mut others: Vec<&str> = own.iter().map(|own| own.image.as_str()).collect();
    others.retain(|image| !images.contains_key(*image));
    others.sort_unstable();
    others.dedup();
    let others = stream::iter(others.into_iter().map(str::to_owned))
        .map(|id| async move { (docker.inspect_image(&id).await, id) })
        .buffer_unordered(INSPECTS_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    for (answer, id) in others {
        // Without its image a container is read as if nothing came from there: it shows as changed
        // and is made again from an image that is there.
        images.insert(
            id,
            answer
                .ok()
                .and_then(|image| image.config)
                .unwrap_or_default(),
        );
    }

    let answers = stream::iter(own)
        .map(|own| async move { (docker.inspect_container(&own.container, None).await, own) })
        .buffer_unordered(INSPECTS_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let lacking = |own: &Own, live: &ContainerInspectResponse| {
        let wanted = wanted.container(&own.resource);
        wanted.is_some_and(|wanted| lacks_limits(live, wanted))
    };
    let unlimited = if answers
        .iter()
        .any(|(answer, own)| answer.as_ref().is_ok_and(|live| lacking(own, live)))
    {
        unlimited(docker).await
    } else {
        BTreeSet::new()
    };
    let mut datahub = None;
    for (answer, own) in answers {
        match found(answer) {
            Ok(Some(live)) => {
                let around = Surroundings {
                    image: images.get(&own.image).unwrap_or(&EMPTY_IMAGE),
                    wanted: wanted.container(&own.resource),
                    networks: &networks,
                    unlimited: &unlimited,
                };
                let seen = seen_container(own, &live, &around);
                if seen.id.kind == Kind::Datahub && seen.life == Life::Running {
                    datahub = Some(live);
                }
                inventory.observed.push(seen);
            }
            // Gone since it was listed.
            Ok(None) => {}
            Err(error) => inventory.errors.push(InventoryError {
                message: format!("inspecting its container failed: {}", said(&error)),
                scope: ErrorScope::Resource(own.resource),
            }),
        }
    }
    datahub
}

static EMPTY_IMAGE: std::sync::LazyLock<ImageConfig> =
    std::sync::LazyLock::new(ImageConfig::default);

fn seen_container(
    own: Own,
    live: &ContainerInspectResponse,
    around: &Surroundings<'_>,
) -> Observed {
    let spec = lift(live, around);
    let native_name = spec.native_name.clone();
    let fields: Fields = Spec::Container(Box::new(spec)).fields();
    Observed {
        id: own.resource,
        uid: own.identity.uid,
        born: own.identity.live,
        predecessor: own.predecessor,
        protection: Protection::None,
        fingerprint: container_fingerprint(&own.container, &native_name),
        native_id: own.container,
        native_name,
        owner: own.identity.owner,
        spec_hash: own.identity.spec_hash,
        fields,
        life: life(live.state.as_ref()),
    }
}
