//! Networks and data volumes.

use std::collections::HashMap;

use bollard::errors::Error;
use bollard::models::{Network, NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::ListNetworksOptionsBuilder;
use rivetos_fleet::label;
use rivetos_fleet::model::{Desired, NetworkSpec, Protection, VolumeSpec};
use rivetos_fleet::port::{Applied, ApplyError};

use super::{RUN_AGAIN, incarnation, must_be, must_be_same, volume_labels, whose};
use crate::claim::Claims;
use crate::error::{broken, failed, found, is_conflict, refused};
use crate::{DockerProvider, compose};

/// Makes a network. Engines take several of one name, so the name is looked up first.
pub(super) async fn create_network(
    provider: &DockerProvider,
    desired: &Desired,
    network: &NetworkSpec,
) -> Result<Applied, ApplyError> {
    let name = &network.native_name;
    let docker = &provider.engine.docker;
    if let Some(so) = already(provider, desired, name).await? {
        return Ok(so);
    }
    let mut labels = label::labels(&provider.fleet, desired);
    labels.extend(compose::labels(&provider.fleet, desired.id.kind, name));
    let request = NetworkCreateRequest {
        name: name.clone(),
        driver: Some(network.driver.clone()),
        labels: Some(labels.into_iter().collect()),
        ..NetworkCreateRequest::default()
    };
    let made = match docker.create_network(request).await {
        Ok(made) => made,
        // Newer engines take one of a name; somebody was faster.
        Err(error) if is_conflict(&error) => {
            let fail = failed(&format!("making network `{name}`"), &error);
            return already(provider, desired, name).await?.ok_or(fail);
        }
        Err(error) => return Err(failed(&format!("making network `{name}`"), &error)),
    };
    must_be_alone(provider, desired, name, &made.id).await?;
    Ok(Applied::Changed)
}

/// That the network is there, and is the one that is wanted.
async fn already(
    provider: &DockerProvider,
    desired: &Desired,
    name: &str,
) -> Result<Option<Applied>, ApplyError> {
    let live = found(provider.engine.docker.inspect_network(name, None).await)
        .map_err(|error| failed(&format!("looking for network `{name}`"), &error))?;
    let Some(live) = live else { return Ok(None) };
    let labels = live.labels.unwrap_or_default();
    must_be(&provider.fleet, desired, name, &labels)?;
    Ok(Some(Applied::AlreadySo))
}

/// That the network that was made is the one that bears the name. Of several an engine would take
/// any, so the new one goes again.
async fn must_be_alone(
    provider: &DockerProvider,
    desired: &Desired,
    name: &str,
    id: &str,
) -> Result<(), ApplyError> {
    let docker = &provider.engine.docker;
    let named = HashMap::from([("name", vec![name])]);
    let options = ListNetworksOptionsBuilder::new().filters(&named).build();
    let fail = |error: &Error| failed(&format!("looking at network `{name}`"), error);
    let list = docker.list_networks(Some(options)).await;
    // The engine's filter takes a part of a name for the name.
    let of_name = |network: &Network| network.name.as_deref() == Some(name);
    let list = list.map_err(|error| fail(&error))?;
    let (mine, others): (Vec<_>, Vec<_>) = list
        .into_iter()
        .filter(of_name)
        .partition(|network| network.id.as_deref() == Some(id));
    let Some(mine) = mine.into_iter().next() else {
        return Err(broken(
            format!("network `{name}` was made and is gone"),
            Some(RUN_AGAIN),
        ));
    };
    if !others.is_empty() {
        found(docker.remove_network(id).await).map_err(|error| fail(&error))?;
        return Err(refused(
            format!("another network `{name}` was made at the same time"),
            RUN_AGAIN,
        ));
    }
    let labels = mine.labels.unwrap_or_default();
    must_be(&provider.fleet, desired, name, &labels)
}

/// Makes a volume for data. The engine answers with the one that is there, whoever made it, and
/// leaves it as it is.
pub(super) async fn create_volume(
    provider: &DockerProvider,
    desired: &Desired,
    volume: &VolumeSpec,
) -> Result<Applied, ApplyError> {
    let name = &volume.native_name;
    let (mut labels, mine) = volume_labels(&provider.fleet, desired)?;
    labels.extend(compose::labels(&provider.fleet, desired.id.kind, name));
    let request = VolumeCreateRequest {
        name: Some(name.clone()),
        labels: Some(labels.into_iter().collect()),
        ..VolumeCreateRequest::default()
    };
    let live = provider
        .engine
        .docker
        .create_volume(request)
        .await
        .map_err(|error| failed(&format!("making volume `{name}`"), &error))?;
    let new = incarnation(&live) == mine;
    if new && volume.protection == Protection::None {
        return Ok(Applied::Changed);
    }
    let claims = Claims::read(provider).await?;
    let whose = claims.over(name, live.labels, &provider.fleet);
    must_be_same(&provider.fleet, desired, name, &whose)?;
    let protected = whose::protect(provider, desired, name, volume.protection).await?;
    Ok(if new { Applied::Changed } else { protected })
}
