//! Networks and data volumes.

use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use rivetos_fleet::label;
use rivetos_fleet::model::{Desired, NetworkSpec, Protection, VolumeSpec};
use rivetos_fleet::port::{Applied, ApplyError};

use super::{incarnation, must_be, must_be_same, volume_labels, whose};
use crate::claim::Claims;
use crate::error::{failed, found};
use crate::{DockerProvider, compose};

/// Makes a network. Engines take several of one name, so the name is looked up first.
pub(super) async fn create_network(
    provider: &DockerProvider,
    desired: &Desired,
    network: &NetworkSpec,
) -> Result<Applied, ApplyError> {
    let name = &network.native_name;
    let docker = &provider.engine.docker;
    let live = found(docker.inspect_network(name, None).await)
        .map_err(|error| failed(&format!("looking for network `{name}`"), &error))?;
    if let Some(live) = live {
        must_be(
            &provider.fleet,
            desired,
            name,
            &live.labels.unwrap_or_default(),
        )?;
        return Ok(Applied::AlreadySo);
    }
    let mut labels = label::labels(&provider.fleet, desired);
    labels.extend(compose::labels(&provider.fleet, desired.id.kind, name));
    let request = NetworkCreateRequest {
        name: name.clone(),
        driver: Some(network.driver.clone()),
        labels: Some(labels.into_iter().collect()),
        ..NetworkCreateRequest::default()
    };
    docker
        .create_network(request)
        .await
        .map_err(|error| failed(&format!("making network `{name}`"), &error))?;
    Ok(Applied::Changed)
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
