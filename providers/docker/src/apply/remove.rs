//! Objects that go.

use bollard::errors::Error;
use bollard::query_parameters::{RemoveContainerOptionsBuilder, RemoveVolumeOptions};
use rivetos_fleet::model::{Fingerprint, Kind, ResourceId};
use rivetos_fleet::port::{Applied, ApplyError};

use super::carrier::remove_left_over;
use super::{RUN_AGAIN, container_fingerprint, must_belong, volume_fingerprint};
use crate::DockerProvider;
use crate::error::{broken, failed, found, is_conflict, refused};

/// Removes the object, if it still is what the plan was made for.
pub(super) async fn remove(
    provider: &DockerProvider,
    resource: &ResourceId,
    native_id: &str,
    planned: &Fingerprint,
) -> Result<Applied, ApplyError> {
    match resource.kind {
        Kind::Network => network(provider, resource, native_id).await,
        Kind::Volume | Kind::Config | Kind::Secret => {
            volume(provider, resource, native_id, planned).await
        }
        Kind::Datahub | Kind::Agent => container(provider, resource, native_id, planned).await,
        Kind::Image | Kind::Role => Err(broken(
            format!("{resource} is never removed by itself"),
            None,
        )),
    }
}

async fn network(
    provider: &DockerProvider,
    resource: &ResourceId,
    id: &str,
) -> Result<Applied, ApplyError> {
    let docker = &provider.engine.docker;
    let fail = |error: &Error| failed(&format!("removing the network of {resource}"), error);
    let live = found(docker.inspect_network(id, None).await).map_err(|error| fail(&error))?;
    let Some(live) = live else {
        return Ok(Applied::AlreadySo);
    };
    let name = live.name.unwrap_or_else(|| id.to_owned());
    must_belong(
        &provider.fleet,
        resource,
        &name,
        &live.labels.unwrap_or_default(),
    )?;
    docker
        .remove_network(id)
        .await
        .map_err(|error| fail(&error))?;
    Ok(Applied::Changed)
}

async fn volume(
    provider: &DockerProvider,
    resource: &ResourceId,
    name: &str,
    planned: &Fingerprint,
) -> Result<Applied, ApplyError> {
    let docker = &provider.engine.docker;
    let fail = |error: &Error| failed(&format!("removing volume `{name}`"), error);
    let live = found(docker.inspect_volume(name).await).map_err(|error| fail(&error))?;
    let Some(live) = live else {
        return Ok(Applied::AlreadySo);
    };
    must_belong(&provider.fleet, resource, name, &live.labels)?;
    must_be_as_planned(name, &volume_fingerprint(&live), planned)?;
    match docker
        .remove_volume(name, None::<RemoveVolumeOptions>)
        .await
    {
        Err(error) if is_conflict(&error) => {
            remove_left_over(provider, name).await?;
            docker
                .remove_volume(name, None::<RemoveVolumeOptions>)
                .await
                .map_err(|error| fail(&error))?;
        }
        answer => answer.map_err(|error| fail(&error))?,
    }
    Ok(Applied::Changed)
}

async fn container(
    provider: &DockerProvider,
    resource: &ResourceId,
    id: &str,
    planned: &Fingerprint,
) -> Result<Applied, ApplyError> {
    let docker = &provider.engine.docker;
    let fail = |error: &Error| failed(&format!("removing the container of {resource}"), error);
    let live = found(docker.inspect_container(id, None).await).map_err(|error| fail(&error))?;
    let Some(live) = live else {
        return Ok(Applied::AlreadySo);
    };
    let name = live.name.unwrap_or_default();
    let name = name.trim_start_matches('/');
    let labels = live
        .config
        .and_then(|config| config.labels)
        .unwrap_or_default();
    must_belong(&provider.fleet, resource, name, &labels)?;
    must_be_as_planned(name, &container_fingerprint(id, name), planned)?;
    // The engine waits as long as the container was given when it was made, then kills.
    found(docker.stop_container(id, None).await).map_err(|error| fail(&error))?;
    // With it go the volumes without a name that its image made the engine add.
    let options = RemoveContainerOptionsBuilder::new().v(true).build();
    found(docker.remove_container(id, Some(options)).await).map_err(|error| fail(&error))?;
    Ok(Applied::Changed)
}

fn must_be_as_planned(
    name: &str,
    now: &Fingerprint,
    planned: &Fingerprint,
) -> Result<(), ApplyError> {
    if now == planned {
        return Ok(());
    }
    Err(refused(
        format!("`{name}` changed since the plan was made"),
        RUN_AGAIN,
    ))
}
