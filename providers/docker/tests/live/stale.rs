//! Steps of a plan that is no longer true, and steps of two runs at once.

use bollard::query_parameters::{
    ListNetworksOptionsBuilder, RenameContainerOptionsBuilder, StopContainerOptions,
};
use rivetos_fleet::model::{Kind, ResourceId};
use rivetos_fleet::port::{Applied, ApplyErrorKind, InfraProvider, Progress};

use crate::world::{Wish, World, names};

async fn rename(world: &World, from: &str, to: &str) {
    let options = RenameContainerOptionsBuilder::new().name(to).build();
    world.docker.rename_container(from, options).await.unwrap();
}

#[tokio::test]
async fn what_was_renamed_since_the_plan_is_not_started() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    world.up(&desired).await;
    let (name, other) = (world.name("ada"), world.name("elsewhere"));
    let stop = None::<StopContainerOptions>;
    world.docker.stop_container(&name, stop).await.unwrap();
    let plan = world.plan(&desired).await;
    assert_eq!(names(&plan), ["agent/ada#start"]);

    rename(&world, &name, &other).await;
    let (_, error) = world.apply(&plan).await.unwrap_err();
    assert_eq!(error.kind, ApplyErrorKind::Refused, "{error:?}");
    let live = world.docker.inspect_container(&other, None).await.unwrap();
    assert_eq!(live.state.unwrap().running, Some(false));

    rename(&world, &other, &name).await;
    world.apply(&plan).await.unwrap();
    world.finish(&desired).await;
}

#[tokio::test]
async fn a_network_made_by_two_at_once_is_one_network() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    let made = tokio::join!(
        world.make(&desired, Kind::Network, "fleet"),
        world.make(&desired, Kind::Network, "fleet"),
        world.make(&desired, Kind::Network, "fleet"),
    );
    let made = [made.0, made.1, made.2];
    let changed = made.iter().filter(|made| **made == Ok(Applied::Changed));
    assert!(changed.count() <= 1, "{made:?}");
    let options = ListNetworksOptionsBuilder::new().build();
    let list = world.docker.list_networks(Some(options)).await.unwrap();
    let fleet = world.fleet.to_string();
    let of_name = |name: &Option<String>| name.as_deref() == Some(fleet.as_str());
    let there = list.iter().filter(|network| of_name(&network.name)).count();
    assert!(there <= 1, "{there} networks `{fleet}`: {made:?}");
    world.up(&desired).await;
    world.finish(&desired).await;
}

#[tokio::test]
async fn what_is_gone_when_a_removal_comes_is_gone_for_it_too() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    world.up(&desired).await;
    let inventory = world.observe(&desired).await;
    let plan = crate::world::destroy(&desired, inventory, rivetos_fleet::DataFate::DeleteAll);
    // Each removal is done when it says so: the next one may count on it.
    for step in &plan.steps {
        let applied = world.provider.apply(step, Progress::UNSEEN).await;
        assert_eq!(applied, Ok(Applied::Changed), "{}", step.id);
        let left = world.observe(&desired).await;
        let gone: &ResourceId = &step.resource;
        assert!(
            left.observed.iter().all(|seen| seen.id != *gone),
            "{gone} is still there"
        );
        let again = world.provider.apply(step, Progress::UNSEEN).await;
        assert_eq!(again, Ok(Applied::AlreadySo), "{}", step.id);
    }
    world.finish(&desired).await;
}
