//! Up, drift, repair, replacement, down.

use bollard::models::{ContainerCreateBody, NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptions,
};
use rivetos_fleet::DataFate;
use rivetos_fleet::model::{DesiredSet, Kind, Reason, ResourceId};
use rivetos_fleet::port::{Applied, ApplyErrorKind, InfraProvider, Progress};

use crate::world::{GIVEN, Wish, World, destroy, names};

#[tokio::test]
async fn a_fleet_comes_up_with_its_files_and_no_secret_shows() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    world.up(&desired).await;

    let key = world
        .output("ada", &["cat", "/run/secrets/main_api_key"])
        .await;
    assert_eq!(key, GIVEN);
    let token = world
        .output("ada", &["cat", "/run/secrets/agent_token"])
        .await;
    assert_eq!(token.len(), 64);
    assert!(token.chars().all(|c| c.is_ascii_hexdigit()));
    let config = world
        .output("ada", &["cat", "/etc/rivetos/rivet.config.yaml"])
        .await;
    assert!(config.contains("ada"), "{config}");
    assert_eq!(
        world
            .output("ada", &["cat", "/etc/rivetos/workspace/CORE.md"])
            .await,
        "core"
    );
    let stat = ["stat", "--format=%a %u %g", "/run/secrets/agent_token"];
    assert_eq!(world.output("ada", &stat).await, "400 1000 1000");
    world
        .output("ada", &["touch", "/var/lib/rivetos/written"])
        .await;
    let (written, _) = world
        .exec(
            &world.name("ada"),
            "1000:1000",
            &["touch", "/etc/rivetos/x"],
        )
        .await;
    assert!(!written);

    let inspect = world
        .docker
        .inspect_container(&world.name("ada"), None)
        .await
        .unwrap();
    let volumes = [Kind::Secret, Kind::Config].map(|kind| World::files(&desired, kind, "ada"));
    let mut text = serde_json::to_string(&inspect).unwrap();
    for volume in &volumes {
        let volume = world.docker.inspect_volume(volume).await.unwrap();
        text.push_str(&serde_json::to_string(&volume).unwrap());
    }
    assert!(!text.contains(GIVEN) && !text.contains(&token));
    world.finish(&desired).await;
}

#[tokio::test]
async fn what_was_stopped_or_removed_by_hand_is_repaired_alone() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada", "max"]));
    world.up(&desired).await;
    world
        .output("ada", &["touch", "/var/lib/rivetos/kept"])
        .await;

    world
        .docker
        .stop_container(&world.name("ada"), None)
        .await
        .unwrap();
    let plan = world.plan(&desired).await;
    assert_eq!(names(&plan), ["agent/ada#start"]);
    assert!(
        matches!(&plan.steps[0].reasons[..], [Reason::NotRunning { detail }]
            if detail.starts_with("exited with code")),
        "{:?}",
        plan.steps[0].reasons
    );
    world.up(&desired).await;

    let force = RemoveContainerOptionsBuilder::new().force(true).build();
    world
        .docker
        .remove_container(&world.name("ada"), Some(force))
        .await
        .unwrap();
    assert_eq!(world.up(&desired).await, ["agent/ada#create"]);
    world
        .output("ada", &["test", "-e", "/var/lib/rivetos/kept"])
        .await;
    world.finish(&desired).await;
}

#[tokio::test]
async fn another_model_replaces_one_agent_and_keeps_its_data() {
    let Some(world) = World::new().await else {
        return;
    };
    let wish = Wish::agents(&["ada", "max"]);
    world.up(&world.desired(&wish)).await;
    world
        .output("ada", &["touch", "/var/lib/rivetos/kept"])
        .await;
    let token = world
        .output("ada", &["cat", "/run/secrets/agent_token"])
        .await;

    let desired = world.desired(&wish.with_model("ada", "model-2"));
    let done = world.up(&desired).await;
    assert_eq!(
        done,
        ["config/ada#create", "agent/ada#swap", "config/ada#remove"]
    );
    world
        .output("ada", &["test", "-e", "/var/lib/rivetos/kept"])
        .await;
    let config = world
        .output("ada", &["cat", "/etc/rivetos/rivet.config.yaml"])
        .await;
    assert!(config.contains("model-2"));
    assert_eq!(
        world
            .output("ada", &["cat", "/run/secrets/agent_token"])
            .await,
        token
    );
    world.finish(&desired).await;
}

#[tokio::test]
async fn data_stays_unless_it_is_told_to_go() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    world.up(&desired).await;
    let inventory = world.observe(&desired).await;
    let plan = destroy(&desired, inventory, DataFate::Keep);
    world.apply(&plan).await.unwrap();
    let left: Vec<ResourceId> = world
        .observe(&desired)
        .await
        .observed
        .into_iter()
        .map(|seen| seen.id)
        .filter(|id| id.kind != Kind::Image)
        .collect();
    assert_eq!(left, [ResourceId::new(Kind::Volume, "ada")]);
    world.finish(&desired).await;
}

#[tokio::test]
async fn a_step_is_harmless_the_second_time() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    let plan = world.plan(&desired).await;
    world.apply(&plan).await.unwrap();
    for step in plan
        .steps
        .iter()
        .filter(|step| step.resource.kind != Kind::Image)
    {
        assert_eq!(
            world.provider.apply(step, Progress::UNSEEN).await,
            Ok(Applied::AlreadySo),
            "{}",
            step.id
        );
    }
    assert_eq!(names(&world.plan(&desired).await), Vec::<String>::new());
    world.finish(&desired).await;
}

#[tokio::test]
async fn what_others_made_is_seen_and_left_alone() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    let docker = &world.docker;
    let strangers = Strangers::make(&world, &desired).await;

    let plan = world.plan(&desired).await;
    let foreign: Vec<String> = plan
        .report
        .foreign
        .iter()
        .map(|foreign| foreign.resource.to_string())
        .collect();
    assert_eq!(
        foreign,
        ["network/fleet", "volume/ada", "secret/ada", "agent/ada"]
    );
    assert!(
        plan.report
            .blocked
            .contains_key(&ResourceId::new(Kind::Agent, "ada"))
    );

    // Even a plan that was made before they appeared does nothing to them.
    let all = [
        (Kind::Network, "fleet"),
        (Kind::Volume, "ada"),
        (Kind::Secret, "ada"),
        (Kind::Agent, "ada"),
    ];
    for (kind, name) in all {
        let error = world.make(&desired, kind, name).await.unwrap_err();
        assert_eq!(error.kind, ApplyErrorKind::Refused, "{kind}: {error:?}");
        assert!(error.message.contains("not made by RivetOS"), "{error:?}");
    }
    let secret = docker
        .inspect_volume(&World::files(&desired, Kind::Secret, "ada"))
        .await
        .unwrap();
    assert!(secret.labels.is_empty());
    strangers.remove(&world).await;
    world.up(&desired).await;
    world.finish(&desired).await;
}

/// Objects that bear names of the fleet and were made by somebody else.
struct Strangers {
    container: String,
    volumes: [String; 2],
}

impl Strangers {
    async fn make(world: &World, desired: &DesiredSet) -> Self {
        let docker = &world.docker;
        let body = ContainerCreateBody {
            image: Some("debian:trixie-slim".to_owned()),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new()
            .name(&world.name("ada"))
            .build();
        let container = docker
            .create_container(Some(options), body)
            .await
            .unwrap()
            .id;
        let secret = World::files(desired, Kind::Secret, "ada");
        let volumes = [world.name("ada-data"), secret];
        for name in &volumes {
            let request = VolumeCreateRequest {
                name: Some(name.clone()),
                ..VolumeCreateRequest::default()
            };
            docker.create_volume(request).await.unwrap();
        }
        let network = NetworkCreateRequest {
            name: world.fleet.to_string(),
            ..NetworkCreateRequest::default()
        };
        docker.create_network(network).await.unwrap();
        Self { container, volumes }
    }

    async fn remove(self, world: &World) {
        let docker = &world.docker;
        let force = RemoveContainerOptionsBuilder::new().force(true).build();
        docker
            .remove_container(&self.container, Some(force))
            .await
            .unwrap();
        for name in &self.volumes {
            docker
                .remove_volume(name, None::<RemoveVolumeOptions>)
                .await
                .unwrap();
        }
        docker
            .remove_network(&world.fleet.to_string())
            .await
            .unwrap();
    }
}
