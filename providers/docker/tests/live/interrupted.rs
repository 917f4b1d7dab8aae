//! States that a killed run leaves.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use rivetos_fleet::label;
use rivetos_fleet::model::{DesiredSet, Kind, Life, ResourceId, Step};
use rivetos_fleet::port::{InfraProvider, Progress};

use crate::proxy::Proxy;
use crate::world::{Wish, World, names};

/// A run that was killed while it filled the volume of the agent's secrets.
async fn leave_half_filled(world: &World, desired: &DesiredSet) {
    let id = ResourceId::new(Kind::Secret, "ada");
    let wanted = &desired.resources[&id];
    let volume = World::files(desired, Kind::Secret, "ada");
    let body = ContainerCreateBody {
        image: Some("debian:trixie-slim".to_owned()),
        labels: Some(HashMap::from([
            (label::MANAGED_BY.to_owned(), label::MANAGER.to_owned()),
            (label::FLEET.to_owned(), world.fleet.to_string()),
            (label::CARRIER.to_owned(), id.to_string()),
        ])),
        host_config: Some(HostConfig {
            mounts: Some(vec![Mount {
                target: Some("/carry".to_owned()),
                source: Some(volume.clone()),
                typ: Some(MountType::VOLUME),
                volume_options: Some(MountVolumeOptions {
                    labels: Some(label::labels(&world.fleet, wanted).into_iter().collect()),
                    ..MountVolumeOptions::default()
                }),
                ..Mount::default()
            }]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::new()
        .name(&format!("{volume}-carrier"))
        .build();
    world
        .docker
        .create_container(Some(options), body)
        .await
        .unwrap();
}

async fn has_its_token(world: &World) {
    let token = world
        .output("ada", &["cat", "/run/secrets/agent_token"])
        .await;
    assert_eq!(token.len(), 64);
}

#[tokio::test]
async fn a_volume_that_was_being_filled_is_made_again() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    leave_half_filled(&world, &desired).await;
    let id = ResourceId::new(Kind::Secret, "ada");
    let inventory = world.observe(&desired).await;
    let seen = inventory
        .observed
        .iter()
        .find(|seen| seen.id == id)
        .unwrap();
    assert!(matches!(seen.life, Life::Incomplete(_)), "{:?}", seen.life);
    world.up(&desired).await;
    has_its_token(&world).await;
    world.finish(&desired).await;
}

#[tokio::test]
async fn a_half_filled_volume_never_looks_finished_while_it_goes() {
    let Ok(host) = std::env::var("RIVETOS_TEST_DOCKER_HOST") else {
        World::new().await;
        return;
    };
    for kill_after in 1.. {
        let proxy = Proxy::before(&host);
        let world = World::new().await.unwrap();
        let desired = world.desired(&Wish::agents(&["ada"]));
        leave_half_filled(&world, &desired).await;
        let cut = world.over(&proxy).await;
        let plan = world.plan(&desired).await;
        let of_secret = |step: &&Step| step.id.0 == "secret/ada#remove";
        let step = plan.steps.iter().find(of_secret).unwrap();
        proxy.cut_after(kill_after);
        let applied = cut.apply(step, Progress::UNSEEN).await;
        let changes = proxy.changes();
        world.up(&desired).await;
        has_its_token(&world).await;
        assert_eq!(world.containers().await, ["-ada"], "{changes:?}");
        world.finish(&desired).await;
        if applied.is_ok() {
            assert!(kill_after > 4, "mark, carrier, volume, mark: {changes:?}");
            break;
        }
    }
}

#[tokio::test]
async fn a_container_that_never_started_is_made_again() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    world.up(&desired).await;
    let name = world.name("ada");
    let live = world.docker.inspect_container(&name, None).await.unwrap();
    let config = live.config.unwrap();
    let force = RemoveContainerOptionsBuilder::new().force(true).build();
    world
        .docker
        .remove_container(&name, Some(force))
        .await
        .unwrap();
    let body = ContainerCreateBody {
        image: config.image,
        labels: config.labels,
        host_config: live.host_config,
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    world
        .docker
        .create_container(Some(options), body)
        .await
        .unwrap();

    let plan = world.plan(&desired).await;
    assert_eq!(names(&plan), ["agent/ada#remove", "agent/ada#create"]);
    world.up(&desired).await;
    world.finish(&desired).await;
}

#[tokio::test]
async fn killed_after_any_step_the_next_run_converges() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    let total = world.plan(&desired).await.steps.len();
    for done in 1..total {
        let plan = world.plan(&desired).await;
        for step in plan.steps.iter().take(1) {
            world.provider.apply(step, Progress::UNSEEN).await.unwrap();
        }
        assert_eq!(world.plan(&desired).await.steps.len(), total - done);
    }
    world.up(&desired).await;
    world.finish(&desired).await;
}
