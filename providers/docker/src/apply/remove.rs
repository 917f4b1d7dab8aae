//! Objects that go.

use std::collections::HashMap;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptions,
};
use rivetos_fleet::FleetId;
use rivetos_fleet::label::{self, Claim, Identity};
use rivetos_fleet::model::{Fingerprint, Kind, Owner, ResourceId};
use rivetos_fleet::port::{Applied, ApplyError};

use super::carrier::{filling_name, forget_unfinished, mark_unfinished};
use super::container::{inspect, remove as remove_container};
use super::{RUN_AGAIN, container_fingerprint, must_belong, swap, volume_fingerprint};
use crate::DockerProvider;
use crate::claim::Claims;
use crate::error::{broken, failed, found, is_conflict, refused, said};

/// How often a network is asked to go, and how long to wait between.
const NETWORK_ATTEMPTS_MAX: u32 = 20;
const NETWORK_PAUSE: Duration = Duration::from_millis(250);

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
        Kind::Datahub | Kind::Agent => {
            Box::pin(container(provider, resource, native_id, planned)).await
        }
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
    let labels = live.labels.unwrap_or_default();
    let claims = Claims::read(provider).await?;
    let whose = claims.over(id, labels, &provider.fleet);
    must_belong(&provider.fleet, resource, &name, &whose)?;
    remove_unused_network(provider, id, &name).await?;
    let after = found(docker.inspect_network(id, None).await).map_err(|error| fail(&error))?;
    must_be_gone(after.as_ref(), &format!("network `{name}`"))?;
    claims.withdraw(provider, id, Claim::Adopt).await?;
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
        forget_unfinished(provider, name).await?;
        return Ok(Applied::AlreadySo);
    };
    let planned_on = volume_fingerprint(&live);
    let claims = Claims::read(provider).await?;
    let whose = claims.over(name, live.labels, &provider.fleet);
    must_belong(&provider.fleet, resource, name, &whose)?;
    must_be_as_planned(name, &planned_on, planned)?;
    match docker
        .remove_volume(name, None::<RemoveVolumeOptions>)
        .await
    {
        Err(error) if is_conflict(&error) => {
            release(provider, name).await?;
            docker
                .remove_volume(name, None::<RemoveVolumeOptions>)
                .await
                .map_err(|error| fail(&error))?;
        }
        answer => answer.map_err(|error| fail(&error))?,
    }
    let after = found(docker.inspect_volume(name).await).map_err(|error| fail(&error))?;
    // One that somebody made under its name meanwhile is another one.
    let same = after.filter(|after| volume_fingerprint(after) == *planned);
    must_be_gone(same.as_ref(), &format!("volume `{name}`"))?;
    forget_unfinished(provider, name).await?;
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
    let claims = Claims::read(provider).await?;
    let whose = claims.over(id, labels, &provider.fleet);
    must_belong(&provider.fleet, resource, name, &whose)?;
    must_be_as_planned(name, &container_fingerprint(id, name), planned)?;
    swap::remove_left_overs(provider, id).await?;
    // The engine waits as long as the container was given when it was made, then kills.
    found(docker.stop_container(id, None).await).map_err(|error| fail(&error))?;
    // With it go the volumes without a name that its image made the engine add.
    let options = RemoveContainerOptionsBuilder::new().v(true).build();
    found(docker.remove_container(id, Some(options)).await).map_err(|error| fail(&error))?;
    let after = inspect(provider, id).await?;
    must_be_gone(after.as_ref(), &format!("container `{name}`"))?;
    claims.withdraw(provider, id, Claim::Adopt).await?;
    Ok(Applied::Changed)
}

/// Removes a network from which containers went a moment ago. Engines may still count them, so it
/// is asked for again, a bounded number of times and one network after the other.
async fn remove_unused_network(
    provider: &DockerProvider,
    id: &str,
    name: &str,
) -> Result<(), ApplyError> {
    let _one_at_a_time = provider.network_removal.lock().await;
    let docker = &provider.engine.docker;
    let mut last = None;
    for _ in 0..NETWORK_ATTEMPTS_MAX {
        match found(docker.remove_network(id).await) {
            Ok(_) => return Ok(()),
            Err(error) if said(&error).contains("active endpoints") => last = Some(error),
            Err(error) => return Err(failed(&format!("removing network `{name}`"), &error)),
        }
        tokio::time::sleep(NETWORK_PAUSE).await;
    }
    let live = docker.inspect_network(id, None).await.unwrap_or_default();
    let users: Vec<String> = live
        .containers
        .into_iter()
        .flatten()
        .filter_map(|(_, container)| container.name)
        .collect();
    let message = match &last {
        Some(_) if !users.is_empty() => {
            format!("network `{name}` is still used by {}", users.join(", "))
        }
        Some(error) => format!("removing network `{name}`: {}", said(error)),
        None => format!("network `{name}` could not be removed"),
    };
    // Engine 20.10 loses count after many removals, for as long as it runs.
    let hint = if users.is_empty() {
        "nothing on the engine uses it: restart the engine, which counts anew, then run this again"
    } else {
        "remove what uses it, then run this again"
    };
    Err(broken(message, Some(hint)))
}

/// Removes what holds on to a volume without using it: carriers that an interrupted run left,
/// containers that did not get to take another one's place, and claims. Nothing of it goes when something else
/// uses the volume.
async fn release(provider: &DockerProvider, volume: &str) -> Result<(), ApplyError> {
    let options = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&HashMap::from([("volume", vec![volume])]))
        .build();
    let docker = &provider.engine.docker;
    let list = docker.list_containers(Some(options)).await;
    let list = list.map_err(|error| failed(&format!("looking who uses `{volume}`"), &error))?;
    let holders: Vec<String> = list
        .iter()
        .filter(|user| !only_holds(user, &provider.fleet))
        .flat_map(|user| user.names.iter().flatten().cloned())
        .map(|name| format!("`{}`", name.trim_start_matches('/')))
        .collect();
    if !holders.is_empty() {
        return Err(broken(
            format!("volume `{volume}` is used by {}", holders.join(", ")),
            Some("remove what uses it, then run this again"),
        ));
    }
    let carrier = format!("/{}", filling_name(volume));
    let unfinished = list
        .iter()
        .find(|user| user.names.iter().flatten().any(|name| *name == carrier));
    if let Some(carrier) = unfinished {
        mark_unfinished(provider, volume, carrier).await?;
    }
    for id in list.iter().filter_map(|user| user.id.as_deref()) {
        remove_container(provider, id, volume).await?;
    }
    Ok(())
}

fn only_holds(user: &ContainerSummary, fleet: &FleetId) -> bool {
    let none = HashMap::new();
    let labels = user.labels.as_ref().unwrap_or(&none);
    let never_started = user.state == Some(ContainerSummaryStateEnum::CREATED);
    let ended = user.state == Some(ContainerSummaryStateEnum::EXITED);
    let passing = [label::CARRIER, label::CLAIM, label::REPLACES];
    let mut names = user.names.iter().flatten();
    // One that went back from another one's place.
    let failed = ended && names.any(|name| name.ends_with(swap::NEXT));
    Identity::from_labels(labels, fleet).owner == Owner::Ours
        && (never_started || failed)
        && passing.iter().any(|key| labels.contains_key(*key))
}

/// That what the engine says it removed is there no more.
fn must_be_gone<T>(after: Option<&T>, what: &str) -> Result<(), ApplyError> {
    if after.is_none() {
        return Ok(());
    }
    Err(broken(
        format!("the engine removed {what} and still has it"),
        Some("run this again; an engine that was restarted may let go of it"),
    ))
}

/// That the object is what the plan was made for.
pub(super) fn must_be_as_planned(
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
