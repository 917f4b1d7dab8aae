//! Objects whose labels say one thing and claims another.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, NetworkCreateRequest, VolumeCreateRequest};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, PruneVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
};
use rivetos_fleet::model::{
    DesiredSet, Kind, Layout, Observed, Op, Plan, Protection, ResourceId, TargetId,
};
use rivetos_fleet::{DataFate, plan_adopt, plan_forget};

use crate::world::{Wish, World, destroy, names};

fn layout(desired: &DesiredSet) -> Layout {
    Layout::from([(TargetId::docker(None), desired.clone())])
}

fn data() -> ResourceId {
    ResourceId::new(Kind::Volume, "ada")
}

impl World {
    async fn adopt(&self, desired: &DesiredSet, id: &ResourceId, native: &str) {
        let object = self.provider.look_up(id, native).await.unwrap().unwrap();
        let present = self.observe(desired).await.observed;
        let at = (&TargetId::docker(None), id);
        let plan = plan_adopt(&layout(desired), at, &present, &object).unwrap();
        self.apply(&plan).await.unwrap();
    }

    async fn forget(&self, desired: &DesiredSet, id: &ResourceId) {
        let present = self.observe(desired).await.observed;
        let at = (&TargetId::docker(None), id);
        let plan = plan_forget(&layout(desired), at, &present).unwrap();
        self.apply(&plan).await.unwrap();
    }

    async fn seen(&self, desired: &DesiredSet) -> Observed {
        let observed = self.observe(desired).await.observed;
        observed.into_iter().find(|seen| seen.id == data()).unwrap()
    }

    async fn prune_volumes(&self) {
        // Other tests have volumes there too.
        let mine = HashMap::from([("label", vec![format!("whose={}", self.fleet)])]);
        let options = PruneVolumesOptionsBuilder::new().filters(&mine).build();
        self.docker.prune_volumes(Some(options)).await.unwrap();
    }
}

fn foreign(plan: &Plan) -> Vec<String> {
    let foreign = plan.report.foreign.iter();
    foreign.map(|found| found.resource.to_string()).collect()
}

#[tokio::test]
async fn a_volume_that_others_made_becomes_ours_and_nobodys_again() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    let volume = world.name("ada-data");
    let request = VolumeCreateRequest {
        name: Some(volume.clone()),
        labels: Some(HashMap::from([(
            "whose".to_owned(),
            world.fleet.to_string(),
        )])),
        ..VolumeCreateRequest::default()
    };
    world.docker.create_volume(request).await.unwrap();
    assert_eq!(foreign(&world.plan(&desired).await), ["volume/ada"]);

    world.adopt(&desired, &data(), &volume).await;
    assert_eq!(foreign(&world.plan(&desired).await), Vec::<String>::new());
    world.up(&desired).await;
    world.forget(&desired, &data()).await;
    assert_eq!(foreign(&world.plan(&desired).await), ["volume/ada"]);
    world.adopt(&desired, &data(), &volume).await;
    assert_eq!(names(&world.plan(&desired).await), Vec::<String>::new());

    // Kept data is still ours when nothing else is there, and nobody tidies it up.
    let plan = destroy(&desired, world.observe(&desired).await, DataFate::Keep);
    world.apply(&plan).await.unwrap();
    world.prune_volumes().await;
    let live = world.docker.inspect_volume(&volume).await.unwrap();
    assert_eq!(live.labels["whose"], world.fleet.as_str());
    world.up(&desired).await;
    world.finish(&desired).await;
}

#[tokio::test]
async fn an_object_of_ours_can_be_forgotten_and_taken_back() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    world.up(&desired).await;
    world.forget(&desired, &data()).await;
    assert_eq!(foreign(&world.plan(&desired).await), ["volume/ada"]);
    world
        .adopt(&desired, &data(), &world.name("ada-data"))
        .await;
    assert_eq!(names(&world.plan(&desired).await), Vec::<String>::new());
    world.finish(&desired).await;
}

impl World {
    /// Makes a container in the place of one of ours that is like it and bears no label of ours.
    /// Returns its id.
    async fn without_labels(&self, name: &str) -> String {
        let docker = &self.docker;
        let live = docker.inspect_container(name, None).await.unwrap();
        let config = live.config.unwrap();
        let labels = config.labels.unwrap_or_default().into_iter();
        let theirs = labels.filter(|(label, _)| !label.starts_with("io.rivetos."));
        let body = ContainerCreateBody {
            env: config.env,
            hostname: config.hostname,
            image: config.image,
            cmd: config.cmd,
            user: config.user,
            labels: Some(theirs.collect()),
            stop_timeout: config.stop_timeout,
            host_config: live.host_config,
            networking_config: Some(bollard::models::NetworkingConfig {
                endpoints_config: live.network_settings.unwrap().networks,
            }),
            ..ContainerCreateBody::default()
        };
        let force = RemoveContainerOptionsBuilder::new().force(true).build();
        docker.remove_container(name, Some(force)).await.unwrap();
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let made = docker.create_container(Some(options), body).await.unwrap();
        docker.start_container(name, None).await.unwrap();
        made.id
    }
}

#[tokio::test]
async fn a_container_that_others_made_becomes_ours_and_nobodys_again() {
    let Some(world) = World::new().await else {
        return;
    };
    let (wish, ada) = (Wish::agents(&["ada"]), ResourceId::new(Kind::Agent, "ada"));
    let desired = world.desired(&wish);
    world.up(&desired).await;
    let name = world.name("ada");
    let theirs = world.without_labels(&name).await;
    let plan = world.plan(&desired).await;
    assert_eq!(foreign(&plan), ["agent/ada"]);
    assert!(plan.report.blocked.contains_key(&ada));

    // It is as it should be, so it is taken as it is.
    world.adopt(&desired, &ada, &name).await;
    assert_eq!(world.up(&desired).await, Vec::<String>::new());
    assert_eq!(world.inspect("ada").await.id.as_deref(), Some(&*theirs));
    world.forget(&desired, &ada).await;
    assert_eq!(foreign(&world.plan(&desired).await), ["agent/ada"]);
    world.adopt(&desired, &ada, &name).await;

    // From then on it is one of ours: what changes while it runs does, and everything else takes
    // one that is ours by its own labels.
    let mut smaller = wish.clone();
    smaller.resources = "{ memory: 256m }";
    let smaller = world.desired(&smaller);
    assert_eq!(world.up(&smaller).await, ["agent/ada#update"]);
    assert_eq!(world.inspect("ada").await.id.as_deref(), Some(&*theirs));
    let desired = world.desired(&wish.with_model("ada", "model-2"));
    let done = world.up(&desired).await;
    assert!(done.contains(&"agent/ada#swap".to_owned()), "{done:?}");
    assert_ne!(world.inspect("ada").await.id.as_deref(), Some(&*theirs));
    world.finish(&desired).await;
}

#[tokio::test]
async fn a_network_that_others_made_becomes_ours_and_nobodys_again() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    let (fleet, id) = (
        world.fleet.to_string(),
        ResourceId::new(Kind::Network, "fleet"),
    );
    let request = NetworkCreateRequest {
        name: fleet.clone(),
        labels: Some(HashMap::from([("whose".to_owned(), "theirs".to_owned())])),
        ..NetworkCreateRequest::default()
    };
    let theirs = world.docker.create_network(request).await.unwrap().id;
    let plan = world.plan(&desired).await;
    assert_eq!(foreign(&plan), ["network/fleet"]);
    assert!(plan.report.blocked.contains_key(&id));

    world.adopt(&desired, &id, &fleet).await;
    let done = world.up(&desired).await;
    assert!(
        !done.iter().any(|step| step.contains("network")),
        "{done:?}"
    );
    let network = async || world.docker.inspect_network(&fleet, None).await.unwrap();
    assert_eq!(network().await.id.as_ref(), Some(&theirs));
    world.forget(&desired, &id).await;
    assert_eq!(foreign(&world.plan(&desired).await), ["network/fleet"]);
    assert_eq!(network().await.labels.unwrap()["whose"], "theirs");
    world.adopt(&desired, &id, &fleet).await;
    assert_eq!(names(&world.plan(&desired).await), Vec::<String>::new());
    world.finish(&desired).await;
}

#[tokio::test]
async fn protection_comes_and_goes_with_the_configuration() {
    let Some(world) = World::new().await else {
        return;
    };
    let open = Wish::agents(&["ada"]);
    let desired = world.desired(&open);
    world.up(&desired).await;
    assert_eq!(world.seen(&desired).await.protection, Protection::None);

    let mut protected = open;
    protected.protect = true;
    let guarded = world.desired(&protected);
    assert_eq!(world.up(&guarded).await, ["volume/ada#ensure"]);
    assert_eq!(world.seen(&guarded).await.protection, Protection::Protected);
    let plan = destroy(&guarded, world.observe(&guarded).await, DataFate::DeleteAll);
    let removes_data = |step: &&rivetos_fleet::model::Step| {
        step.resource == data() && matches!(step.op, Op::Remove { .. })
    };
    assert_eq!(plan.steps.iter().filter(removes_data).count(), 0);

    assert_eq!(world.up(&desired).await, ["volume/ada#ensure"]);
    world.finish(&desired).await;
}
