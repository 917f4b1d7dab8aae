//! One container in the place of another, which is kept, stopped, until the new one proved itself.
//!
//! What is to be undone stands on the new container's labels from the moment that it is made, so
//! that whoever finds the two after an interruption can go either way.

use std::collections::HashMap;

use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, RenameContainerOptions,
};
use rivetos_fleet::label;
use rivetos_fleet::model::{
    ContainerSpec, Desired, Fingerprint, Life, Predecessor, ResourceId, Step,
};
use rivetos_fleet::port::{Applied, ApplyError, ApplyErrorKind, Progress};

use super::container::{
    bring_up, claimed_labels, inspect, is_of_image, labels, last_words, must_be_of_image, name_of,
    remove, run,
};
use super::remove::must_be_as_planned;
use super::{
    RUN_AGAIN, container_fingerprint, gate, is_wanted, must_be_ours, must_be_same, must_belong,
};
use crate::container::{create_body, life};
use crate::error::{broken, failed, found, is_conflict, refused};
use crate::{DockerProvider, compose};

/// On a container that takes another one's place: the name of that one before.
const REPLACED_NAME: &str = "io.rivetos.replaced-name";
/// On the same: whether that one ran before.
const REPLACED_LIFE: &str = "io.rivetos.replaced-life";
const RAN: &str = "running";
const RAN_NOT: &str = "stopped";

/// Where a swap takes place. No container that a configuration names has a dot in its name.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) provider: &'a DockerProvider,
    pub(super) resource: &'a ResourceId,
    pub(super) progress: Progress<'a>,
}

impl<'a> Stage<'a> {
    pub(super) fn of(provider: &'a DockerProvider, step: &'a Step, progress: Progress<'a>) -> Self {
        Self {
            provider,
            resource: &step.resource,
            progress,
        }
    }
}

/// The end of a container's name before it takes another one's place, and after it failed to.
pub(super) const NEXT: &str = ".next";

fn next(name: &str) -> String {
    format!("{name}{NEXT}")
}

fn previous(name: &str) -> String {
    format!("{name}.prev")
}

/// Puts a new container in the place of `old`.
pub(super) async fn swap(
    stage: Stage<'_>,
    old: &Predecessor,
    desired: &Desired,
    spec: &ContainerSpec,
) -> Result<Applied, ApplyError> {
    let provider = stage.provider;
    let Some(live) = inspect(provider, &old.native_id).await? else {
        return already_swapped(provider, desired, spec).await;
    };
    let whose = claimed_labels(provider, &live).await?;
    must_be_same(&provider.fleet, desired, &old.native_name, &whose)?;
    let now = container_fingerprint(&old.native_id, name_of(&live));
    must_be_as_planned(&old.native_name, &now, &old.fingerprint)?;
    for earlier in tries(provider, &old.native_id).await? {
        stage.progress.say("undoing an earlier try");
        undo(stage, &earlier, &old.native_id).await?;
    }
    let new = create_beside(stage, &old.native_id, desired, spec).await?;
    let taken = take_over(stage, (&old.native_id, &new), &spec.native_name).await;
    settle(stage, taken, (&old.native_id, &new)).await
}

/// Ends a swap that was interrupted when the new container had been started.
pub(super) async fn confirm(
    stage: Stage<'_>,
    (new, planned): (&str, &Fingerprint),
    old: &Predecessor,
) -> Result<Applied, ApplyError> {
    let provider = stage.provider;
    let Some(live) = inspect(provider, new).await? else {
        return Err(refused(
            format!("the container of {} is gone", stage.resource),
            RUN_AGAIN,
        ));
    };
    let name = name_of(&live);
    must_belong(&provider.fleet, stage.resource, name, &labels(&live))?;
    must_be_as_planned(name, &container_fingerprint(new, name), planned)?;
    if labels(&live).get(label::REPLACES) != Some(&old.native_id) {
        return Err(refused(
            format!("`{name}` did not take the place of `{}`", old.native_name),
            RUN_AGAIN,
        ));
    }
    let Some(kept) = inspect(provider, &old.native_id).await? else {
        return Ok(Applied::AlreadySo);
    };
    let whose = claimed_labels(provider, &kept).await?;
    must_be_ours(&provider.fleet, &old.native_name, &whose)?;
    let up = bring_up(provider, &live, name).await.map(|_| ());
    settle(stage, up, (&old.native_id, new)).await
}

/// The old one is gone: whoever has the name now must be what was planned.
async fn already_swapped(
    provider: &DockerProvider,
    desired: &Desired,
    spec: &ContainerSpec,
) -> Result<Applied, ApplyError> {
    let live = inspect(provider, &spec.native_name).await?;
    let done = live.is_some_and(|live| {
        is_wanted(&provider.fleet, desired, &labels(&live))
            && is_of_image(&live, spec)
            && life(live.state.as_ref()) == Life::Running
    });
    if done {
        return Ok(Applied::AlreadySo);
    }
    Err(refused(
        format!("the container of {} is gone", desired.id),
        RUN_AGAIN,
    ))
}

/// The containers that were made to take the place of `old`.
pub(super) async fn tries(provider: &DockerProvider, old: &str) -> Result<Vec<String>, ApplyError> {
    let wanted = vec![
        format!("{}={}", label::MANAGED_BY, label::MANAGER),
        format!("{}={}", label::FLEET, provider.fleet),
        format!("{}={old}", label::REPLACES),
    ];
    let options = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&HashMap::from([("label", wanted)]))
        .build();
    let list = provider.engine.docker.list_containers(Some(options)).await;
    let list = list.map_err(|error| failed("looking for an earlier try", &error))?;
    Ok(list.into_iter().filter_map(|found| found.id).collect())
}

/// Makes the new container, which is not started, under a name of its own.
async fn create_beside(
    stage: Stage<'_>,
    old: &str,
    desired: &Desired,
    spec: &ContainerSpec,
) -> Result<String, ApplyError> {
    let provider = stage.provider;
    let Some(live) = inspect(provider, old).await? else {
        return Err(refused(
            format!("the container of {} is gone", desired.id),
            RUN_AGAIN,
        ));
    };
    let ran = match life(live.state.as_ref()) {
        Life::Running => RAN,
        Life::Present | Life::Stopped(_) | Life::Incomplete(_) | Life::Dormant(_) => RAN_NOT,
    };
    let mut labels = compose::container_labels(provider, desired, spec).await;
    labels.extend(
        [
            (label::REPLACES, old),
            (REPLACED_NAME, name_of(&live)),
            (REPLACED_LIFE, ran),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    let name = next(&spec.native_name);
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    let body = create_body(spec, labels);
    let docker = &provider.engine.docker;
    let made = match docker.create_container(Some(options), body).await {
        Ok(made) => made.id,
        Err(error) if is_conflict(&error) => {
            let message = format!("`{name}` is in the way");
            return Err(refused(message, "see what it is and remove it"));
        }
        Err(error) => return Err(failed(&format!("making container `{name}`"), &error)),
    };
    must_be_of_image(provider, &made, spec).await?;
    Ok(made)
}

/// Stops the old container, gives the new one its name and starts that one.
async fn take_over(
    stage: Stage<'_>,
    (old, new): (&str, &str),
    name: &str,
) -> Result<(), ApplyError> {
    let provider = stage.provider;
    stage.progress.say("waiting for the old one to stop");
    stop(provider, old, name).await?;
    let Some(live) = inspect(provider, old).await? else {
        return Err(refused(format!("`{name}` is gone"), RUN_AGAIN));
    };
    if name_of(&live) == name {
        rename(provider, old, &previous(name)).await?;
    }
    rename(provider, new, name).await?;
    stage.progress.say("starting the new one");
    run(provider, new, name).await
}

/// Lets the new container prove itself. Then the old one goes; else it comes back.
async fn settle(
    stage: Stage<'_>,
    taken: Result<(), ApplyError>,
    (old, new): (&str, &str),
) -> Result<Applied, ApplyError> {
    let proved = match taken {
        Ok(()) => gate::prove(stage, new).await,
        Err(error) => Err(error),
    };
    let Err(cause) = proved else {
        remove(stage.provider, old, "the one that was replaced").await?;
        return Ok(Applied::Changed);
    };
    stage.progress.say("bringing the old one back");
    let words = last_words(stage.provider, new).await;
    match undo(stage, new, old).await {
        Ok(()) => Err(ApplyError {
            message: format!("rolled back: {}{words}", cause.message),
            ..cause
        }),
        Err(error) => Err(ApplyError {
            message: format!(
                "{}{words}; and the old one could not be brought back: {}",
                cause.message, error.message
            ),
            hint: Some(RUN_AGAIN.to_owned()),
            kind: ApplyErrorKind::Failed,
        }),
    }
}

/// Puts everything back to how it was before `new` was made, and removes that one last: until
/// then its labels say what is left to do.
async fn undo(stage: Stage<'_>, new: &str, old: &str) -> Result<(), ApplyError> {
    let provider = stage.provider;
    let Some(failed_one) = inspect(provider, new).await? else {
        return Ok(());
    };
    let Some(kept) = inspect(provider, old).await? else {
        let message = format!("the container before `{}` is gone", name_of(&failed_one));
        return Err(broken(message, None));
    };
    let marks = labels(&failed_one);
    must_be_ours(&provider.fleet, name_of(&failed_one), &marks)?;
    stop(provider, new, name_of(&failed_one)).await?;
    if let Some(name) = marks.get(REPLACED_NAME)
        && name != name_of(&kept)
    {
        if name_of(&failed_one) == name {
            rename(provider, new, &next(name)).await?;
        }
        rename(provider, old, name).await?;
    }
    if marks.get(REPLACED_LIFE).is_some_and(|life| life == RAN) {
        bring_up(provider, &kept, name_of(&kept)).await?;
    }
    remove(provider, new, name_of(&failed_one)).await
}

/// Removes what was made to take the place of `old` and does not run.
pub(super) async fn remove_left_overs(
    provider: &DockerProvider,
    old: &str,
) -> Result<(), ApplyError> {
    for id in tries(provider, old).await? {
        if let Some(live) = inspect(provider, &id).await?
            && life(live.state.as_ref()) != Life::Running
        {
            remove(provider, &id, name_of(&live)).await?;
        }
    }
    Ok(())
}

/// The engine waits as long as the container was given when it was made, then kills.
async fn stop(provider: &DockerProvider, id: &str, name: &str) -> Result<(), ApplyError> {
    found(provider.engine.docker.stop_container(id, None).await)
        .map_err(|error| failed(&format!("stopping container `{name}`"), &error))?;
    Ok(())
}

async fn rename(provider: &DockerProvider, id: &str, name: &str) -> Result<(), ApplyError> {
    let options = RenameContainerOptions {
        name: name.to_owned(),
    };
    let docker = &provider.engine.docker;
    docker
        .rename_container(id, options)
        .await
        .map_err(|error| failed(&format!("calling a container `{name}`"), &error))
}
