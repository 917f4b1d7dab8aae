//! Containers: made and started, or started again.

use std::collections::HashMap;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder,
};
use futures_util::TryStreamExt;
use rivetos_fleet::model::{ContainerSpec, Desired, Fingerprint, Life, ResourceId};
use rivetos_fleet::port::{Applied, ApplyError};

use super::remove::must_be_as_planned;
use super::{RUN_AGAIN, container_fingerprint, must_be, must_belong};
use crate::claim::Claims;
use crate::container::{create_body, life};
use crate::error::{broken, failed, found, is_conflict, refused, said, taken_port};
use crate::{DockerProvider, compose};

/// How much of a log is told when a container fails.
const LAST_LINES: &str = "3";

/// Makes the container and starts it.
pub(super) async fn create(
    provider: &DockerProvider,
    desired: &Desired,
    spec: &ContainerSpec,
) -> Result<Applied, ApplyError> {
    let name = &spec.native_name;
    let body = create_body(
        spec,
        compose::container_labels(provider, desired, spec).await,
    );
    let options = CreateContainerOptionsBuilder::new().name(name).build();
    let docker = &provider.engine.docker;
    let id = match docker.create_container(Some(options), body).await {
        Ok(made) => made.id,
        Err(error) if is_conflict(&error) => return take_existing(provider, desired, spec).await,
        Err(error) => return Err(failed(&format!("making container `{name}`"), &error)),
    };
    must_be_of_image(provider, &id, spec).await?;
    run(provider, &id, name).await?;
    must_run(provider, &id, name).await?;
    Ok(Applied::Changed)
}

/// That the new container is of the image that the plan was made for, else it goes.
pub(super) async fn must_be_of_image(
    provider: &DockerProvider,
    id: &str,
    spec: &ContainerSpec,
) -> Result<(), ApplyError> {
    let live = inspect(provider, id).await?;
    if live.is_some_and(|live| is_of_image(&live, spec)) {
        return Ok(());
    }
    remove(provider, id, &spec.native_name).await?;
    Err(refused(
        format!(
            "`{}` is another image now than when the plan was made",
            spec.image
        ),
        RUN_AGAIN,
    ))
}

/// That a container which was started runs.
async fn must_run(provider: &DockerProvider, id: &str, name: &str) -> Result<(), ApplyError> {
    let live = inspect(provider, id).await?;
    match live.map(|live| life(live.state.as_ref())) {
        Some(Life::Running) => Ok(()),
        Some(Life::Stopped(detail) | Life::Incomplete(detail) | Life::Dormant(detail)) => {
            Err(broken(
                format!("container `{name}` was started and does not run: {detail}"),
                Some("its log tells why"),
            ))
        }
        Some(Life::Present) | None => Err(broken(
            format!("container `{name}` was started and is gone"),
            None,
        )),
    }
}

/// Removes a container whatever it does. With it go the volumes without a name that its image made
/// the engine add.
pub(super) async fn remove(
    provider: &DockerProvider,
    id: &str,
    name: &str,
) -> Result<(), ApplyError> {
    let options = RemoveContainerOptionsBuilder::new()
        .force(true)
        .v(true)
        .build();
    let docker = &provider.engine.docker;
    found(docker.remove_container(id, Some(options)).await)
        .map_err(|error| failed(&format!("removing container `{name}`"), &error))?;
    Ok(())
}

/// The name is taken: by the very container that is wanted, or by something that stays untouched.
async fn take_existing(
    provider: &DockerProvider,
    desired: &Desired,
    spec: &ContainerSpec,
) -> Result<Applied, ApplyError> {
    let name = &spec.native_name;
    let Some(live) = inspect(provider, name).await? else {
        return Err(refused(
            format!("the name `{name}` was taken for a moment"),
            RUN_AGAIN,
        ));
    };
    must_be(&provider.fleet, desired, name, &labels(&live))?;
    if !is_of_image(&live, spec) {
        return Err(refused(
            format!("`{name}` is there and of another image"),
            RUN_AGAIN,
        ));
    }
    bring_up(provider, &live, name).await
}

/// Starts a container that is there, if it still is what the plan was made for.
pub(super) async fn start(
    provider: &DockerProvider,
    resource: &ResourceId,
    native_id: &str,
    planned: &Fingerprint,
) -> Result<Applied, ApplyError> {
    let Some(live) = inspect(provider, native_id).await? else {
        return Err(refused(
            format!("the container of {resource} is gone"),
            RUN_AGAIN,
        ));
    };
    let name = name_of(&live);
    let labels = claimed_labels(provider, &live).await?;
    must_belong(&provider.fleet, resource, name, &labels)?;
    must_be_as_planned(name, &container_fingerprint(native_id, name), planned)?;
    bring_up(provider, &live, name).await
}

pub(super) async fn bring_up(
    provider: &DockerProvider,
    live: &ContainerInspectResponse,
    name: &str,
) -> Result<Applied, ApplyError> {
    let state = live.state.as_ref();
    if life(state) == Life::Running {
        return Ok(Applied::AlreadySo);
    }
    let id = live.id.as_deref().unwrap_or(name);
    let paused = state.and_then(|state| state.status) == Some(ContainerStateStatusEnum::PAUSED);
    if paused {
        let woken = provider.engine.docker.unpause_container(id).await;
        woken.map_err(|error| failed(&format!("waking container `{name}`"), &error))?;
    } else {
        run(provider, id, name).await?;
    }
    must_run(provider, id, name).await?;
    Ok(Applied::Changed)
}

/// Starts a container.
pub(super) async fn run(provider: &DockerProvider, id: &str, name: &str) -> Result<(), ApplyError> {
    let Err(error) = provider.engine.docker.start_container(id, None).await else {
        return Ok(());
    };
    let Some(port) = taken_port(&said(&error)) else {
        return Err(failed(&format!("starting container `{name}`"), &error));
    };
    let who = match holder(provider, port).await {
        Some(holder) => format!("container `{holder}`"),
        None => "a program of the engine's host".to_owned(),
    };
    Err(broken(
        format!("starting container `{name}`: port {port} is taken by {who}"),
        Some("stop what listens there, or choose another port in the configuration"),
    ))
}

/// The running container that publishes `port`.
async fn holder(provider: &DockerProvider, port: u16) -> Option<String> {
    let running = ListContainersOptionsBuilder::new().build();
    let list = provider
        .engine
        .docker
        .list_containers(Some(running))
        .await
        .ok()?;
    list.into_iter()
        .find(|container| {
            container
                .ports
                .iter()
                .flatten()
                .any(|open| open.public_port == Some(port))
        })?
        .names?
        .first()
        .map(|name| name.trim_start_matches('/').to_owned())
}

pub(super) fn is_of_image(live: &ContainerInspectResponse, spec: &ContainerSpec) -> bool {
    spec.image_id.is_none() || live.image == spec.image_id
}

/// The labels of a container with what claims say of it.
pub(super) async fn claimed_labels(
    provider: &DockerProvider,
    live: &ContainerInspectResponse,
) -> Result<HashMap<String, String>, ApplyError> {
    let claims = Claims::read(provider).await?;
    let id = live.id.as_deref().unwrap_or_default();
    Ok(claims.over(id, labels(live), &provider.fleet))
}

pub(super) fn name_of(live: &ContainerInspectResponse) -> &str {
    let name = live.name.as_deref().or(live.id.as_deref());
    name.unwrap_or_default().trim_start_matches('/')
}

/// The last lines of the container's log, ready to follow a sentence.
pub(super) async fn last_words(provider: &DockerProvider, id: &str) -> String {
    let options = LogsOptionsBuilder::new()
        .stdout(true)
        .stderr(true)
        .tail(LAST_LINES)
        .build();
    let lines: Vec<LogOutput> = provider
        .engine
        .docker
        .logs(id, Some(options))
        .try_collect()
        .await
        .unwrap_or_default();
    let text: Vec<String> = lines
        .iter()
        .map(|line| line.to_string().trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    if text.is_empty() {
        String::new()
    } else {
        format!("; its last words: {}", text.join(" | "))
    }
}

pub(super) fn labels(live: &ContainerInspectResponse) -> HashMap<String, String> {
    live.config
        .as_ref()
        .and_then(|config| config.labels.clone())
        .unwrap_or_default()
}

pub(super) async fn inspect(
    provider: &DockerProvider,
    id: &str,
) -> Result<Option<ContainerInspectResponse>, ApplyError> {
    let answer: Result<_, Error> = provider.engine.docker.inspect_container(id, None).await;
    found(answer).map_err(|error| failed(&format!("looking at container `{id}`"), &error))
}
