//! Fields of a container that change while it lives.

use std::collections::{BTreeSet, HashMap};

use bollard::models::{
    ContainerInspectResponse, ImageConfig, Network, NetworkConnectRequest, NetworkDisconnectRequest,
};
use rivetos_fleet::label::Identity;
use rivetos_fleet::model::{ContainerSpec, Desired, Fingerprint, Owner, Spec};
use rivetos_fleet::port::{Applied, ApplyError};

use super::container::{bring_up, claimed_labels, inspect, name_of};
use super::remove::must_be_as_planned;
use super::{RUN_AGAIN, container_fingerprint, must_be_same};
use crate::DockerProvider;
use crate::container::{Surroundings, endpoint, lacks_limits, lift, unlimited, update_body};
use crate::error::{broken, failed, found, refused};

/// What is to be changed.
pub(super) struct Update<'a> {
    pub(super) native_id: &'a str,
    pub(super) planned: &'a Fingerprint,
    pub(super) fields: &'a BTreeSet<String>,
    pub(super) desired: &'a Desired,
    pub(super) spec: &'a ContainerSpec,
}

/// Changes the fields, starts the container when it does not run, and looks whether it is so.
pub(super) async fn update(
    provider: &DockerProvider,
    update: Update<'_>,
) -> Result<Applied, ApplyError> {
    let (id, spec) = (update.native_id, update.spec);
    let Some(live) = inspect(provider, id).await? else {
        return Err(refused(
            format!("the container of {} is gone", update.desired.id),
            RUN_AGAIN,
        ));
    };
    let name = name_of(&live);
    let labels = claimed_labels(provider, &live).await?;
    must_be_same(&provider.fleet, update.desired, name, &labels)?;
    must_be_as_planned(name, &container_fingerprint(id, name), update.planned)?;

    let networks = networks_for(provider, update.fields).await?;
    let pending = unlike(provider, &live, &update, &networks).await;
    if let Some(body) = update_body(spec, live.host_config.as_ref(), &pending) {
        let docker = &provider.engine.docker;
        let changed = docker.update_container(id, body).await;
        changed.map_err(|error| failed(&format!("changing container `{name}`"), &error))?;
    }
    if pending.contains("network") {
        move_over(provider, &live, spec, &networks).await?;
    }
    let started = bring_up(provider, &live, name).await?;
    if pending.is_empty() {
        return Ok(started);
    }
    let after = inspect(provider, id).await?.unwrap_or_default();
    let left = unlike(provider, &after, &update, &networks).await;
    if left.is_empty() {
        return Ok(Applied::Changed);
    }
    let left: Vec<&str> = left.into_iter().collect();
    Err(broken(
        format!("the engine did not change {} of `{name}`", left.join(", ")),
        Some("give `--replace` with its address to make it again"),
    ))
}

/// The engine's networks, where the plan changes the network.
async fn networks_for(
    provider: &DockerProvider,
    fields: &BTreeSet<String>,
) -> Result<Vec<Network>, ApplyError> {
    if !fields.contains("network") {
        return Ok(Vec::new());
    }
    let list = provider.engine.docker.list_networks(None).await;
    list.map_err(|error| failed("listing the networks", &error))
}

/// Those of `fields` in which the container is not as it should be.
async fn unlike<'a>(
    provider: &DockerProvider,
    live: &ContainerInspectResponse,
    update: &Update<'a>,
    networks: &[Network],
) -> BTreeSet<&'a str> {
    let ids: HashMap<String, String> = networks
        .iter()
        .filter_map(|network| Some((network.name.clone()?, network.id.clone()?)))
        .collect();
    let unlimited = if lacks_limits(live, update.spec) {
        unlimited(&provider.engine.docker).await
    } else {
        BTreeSet::new()
    };
    let around = Surroundings {
        image: &ImageConfig::default(),
        wanted: Some(update.spec),
        networks: &ids,
        unlimited: &unlimited,
    };
    let now = Spec::Container(Box::new(lift(live, &around))).fields();
    let wanted = update.desired.spec.fields();
    update
        .fields
        .iter()
        .map(String::as_str)
        .filter(|field| now.get(*field) != wanted.get(*field))
        .collect()
}

/// From the fleet's networks that it is in to the one where it should be. It leaves first: one
/// that is in none shows as such, one in two would not.
async fn move_over(
    provider: &DockerProvider,
    live: &ContainerInspectResponse,
    spec: &ContainerSpec,
    networks: &[Network],
) -> Result<(), ApplyError> {
    let docker = &provider.engine.docker;
    let name = name_of(live);
    let id = live.id.clone().unwrap_or_default();
    let own = |network: &str| {
        let labels = networks
            .iter()
            .find(|known| known.name.as_deref() == Some(network))
            .and_then(|known| known.labels.clone())
            .unwrap_or_default();
        Identity::from_labels(&labels, &provider.fleet).owner == Owner::Ours
    };
    let first = live
        .host_config
        .as_ref()
        .and_then(|host| host.network_mode.as_deref());
    let connected = live
        .network_settings
        .as_ref()
        .and_then(|settings| settings.networks.as_ref());
    for network in connected.into_iter().flat_map(HashMap::keys) {
        // What somebody else connected it to is theirs.
        if *network != spec.network && first != Some(network) && !own(network) {
            continue;
        }
        let request = NetworkDisconnectRequest {
            container: id.clone(),
            force: Some(true),
        };
        found(docker.disconnect_network(network, request).await)
            .map_err(|error| failed(&format!("taking `{name}` out of `{network}`"), &error))?;
    }
    let request = NetworkConnectRequest {
        container: id,
        endpoint_config: Some(endpoint(spec)),
    };
    let network = &spec.network;
    docker
        .connect_network(network, request)
        .await
        .map_err(|error| failed(&format!("connecting `{name}` to `{network}`"), &error))
}
