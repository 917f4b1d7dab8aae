//! Objects whose labels say one thing and claims another.

use std::collections::HashMap;

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::PruneVolumesOptionsBuilder;
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
    async fn adopt(&self, desired: &DesiredSet, native: &str) {
        let object = self
            .provider
            .look_up(&data(), native)
            .await
            .unwrap()
            .unwrap();
        let present = self.observe(desired).await.observed;
        let at = (&TargetId::docker(None), &data());
        let plan = plan_adopt(&layout(desired), at, &present, &object).unwrap();
        self.apply(&plan).await.unwrap();
    }

    async fn forget(&self, desired: &DesiredSet) {
        let present = self.observe(desired).await.observed;
        let at = (&TargetId::docker(None), &data());
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

    world.adopt(&desired, &volume).await;
    assert_eq!(foreign(&world.plan(&desired).await), Vec::<String>::new());
    world.up(&desired).await;
    world.forget(&desired).await;
    assert_eq!(foreign(&world.plan(&desired).await), ["volume/ada"]);
    world.adopt(&desired, &volume).await;
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
    world.forget(&desired).await;
    assert_eq!(foreign(&world.plan(&desired).await), ["volume/ada"]);
    world.adopt(&desired, &world.name("ada-data")).await;
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
