//! One container in the place of another: what stays, what comes back, and kills in between.

use std::sync::Arc;

use bollard::query_parameters::ListContainersOptionsBuilder;
use rivetos_fleet::model::{DesiredSet, Op, Plan, Step};
use rivetos_fleet::port::{InfraProvider, Progress};
use rivetos_provider_docker::{DockerEngine, DockerProvider, EngineAddress};

use crate::proxy::Proxy;
use crate::world::{Operator, Wish, World, names};

impl World {
    /// Names of all containers of the fleet, without the fleet's own prefix.
    pub(crate) async fn containers(&self) -> Vec<String> {
        let all = ListContainersOptionsBuilder::new().all(true).build();
        let list = self.docker.list_containers(Some(all)).await.unwrap();
        let prefix = format!("/{}", self.fleet);
        let mut names: Vec<String> = list
            .into_iter()
            .flat_map(|found| found.names.unwrap_or_default())
            .filter_map(|name| Some(name.strip_prefix(&prefix)?.to_owned()))
            .collect();
        names.sort();
        names
    }

    async fn running_id(&self, agent: &str) -> String {
        let live = self.inspect(agent).await;
        assert_eq!(live.state.unwrap().running, Some(true), "{agent}");
        live.id.unwrap()
    }

    /// Another way to the same fleet.
    pub(crate) async fn over(&self, proxy: &Proxy) -> DockerProvider {
        let engine = DockerEngine::connect(&EngineAddress::plain(proxy.host()))
            .await
            .unwrap();
        DockerProvider::new(engine, self.fleet.clone(), Arc::new(Operator))
    }
}

fn swap_of(plan: &Plan) -> &Step {
    let swap = plan
        .steps
        .iter()
        .find(|step| matches!(step.op, Op::Swap { .. }));
    swap.unwrap_or_else(|| panic!("{:?}", names(plan)))
}

/// Does what comes before the swap.
async fn up_to_swap(world: &World, plan: &Plan) {
    for step in plan
        .steps
        .iter()
        .take_while(|step| !matches!(step.op, Op::Swap { .. }))
    {
        world.provider.apply(step, Progress::UNSEEN).await.unwrap();
    }
}

async fn another_model(world: &World) -> (DesiredSet, DesiredSet) {
    let wish = Wish::agents(&["ada"]);
    let before = world.desired(&wish);
    world.up(&before).await;
    (before, world.desired(&wish.with_model("ada", "model-2")))
}

#[tokio::test]
async fn a_new_container_takes_the_name_and_the_old_one_goes() {
    let Some(world) = World::new().await else {
        return;
    };
    let (_, desired) = another_model(&world).await;
    let token = world
        .output("ada", &["cat", "/run/secrets/agent_token"])
        .await;
    let before = world.running_id("ada").await;
    let done = world.up(&desired).await;
    assert!(done.contains(&"agent/ada#swap".to_owned()), "{done:?}");
    assert_ne!(world.running_id("ada").await, before);
    assert_eq!(world.containers().await, ["-ada"]);
    let now = world
        .output("ada", &["cat", "/run/secrets/agent_token"])
        .await;
    assert_eq!(now, token);
    world.finish(&desired).await;
}

/// Tries the swap to `model`, which fails. Returns what it says.
async fn fails(world: &World, model: &'static str) -> String {
    let desired = world.desired(&Wish::agents(&["ada"]).with_model("ada", model));
    let plan = world.plan(&desired).await;
    let (step, error) = world.apply(&plan).await.unwrap_err();
    assert_eq!(step.id.0, "agent/ada#swap");
    assert_eq!(world.containers().await, ["-ada"]);
    // The change is still to be made.
    let next = names(&world.plan(&desired).await);
    assert!(next.contains(&"agent/ada#swap".to_owned()), "{next:?}");
    error.message
}

#[tokio::test]
async fn one_that_does_not_become_well_gives_way_to_the_old_one() {
    let Some(world) = World::new().await else {
        return;
    };
    let (before, desired) = another_model(&world).await;
    let old = world.running_id("ada").await;
    let said = fails(&world, "model-unwell").await;
    assert!(said.starts_with("rolled back: "), "{said}");
    assert!(said.contains("the provider does not answer"), "{said}");
    let said = fails(&world, "model-that-ends").await;
    assert!(
        said.starts_with("rolled back: ") && said.contains("keeps ending"),
        "{said}"
    );
    assert!(said.contains("last line"), "{said}");
    assert_eq!(world.running_id("ada").await, old);
    world.up(&before).await;
    assert_eq!(world.running_id("ada").await, old);

    // One that did not run is not started on the way back.
    let name = world.name("ada");
    world.docker.stop_container(&name, None).await.unwrap();
    fails(&world, "model-that-ends").await;
    let state = world.inspect("ada").await.state.unwrap();
    assert_eq!(state.running, Some(false));
    world.up(&desired).await;
    world.finish(&desired).await;
}

#[tokio::test]
async fn killed_after_any_change_of_a_swap_the_next_run_converges() {
    let Some(world) = World::new().await else {
        return;
    };
    let host = std::env::var("RIVETOS_TEST_DOCKER_HOST").unwrap();
    let proxy = Proxy::before(&host);
    let cut = world.over(&proxy).await;
    let (mut now, mut next) = another_model(&world).await;
    for kill_after in 1.. {
        let plan = world.plan(&next).await;
        up_to_swap(&world, &plan).await;
        proxy.cut_after(kill_after);
        let applied = cut.apply(swap_of(&plan), Progress::UNSEEN).await;
        let changes = proxy.changes();
        if applied.is_ok() {
            assert!(changes.len() < kill_after, "{changes:?}");
            world.up(&next).await;
            break;
        }
        assert_eq!(changes.len(), kill_after, "{changes:?}: {applied:?}");
        let done = world.up(&next).await;
        assert_eq!(
            world.containers().await,
            ["-ada"],
            "{changes:?}, then {done:?}"
        );
        world.running_id("ada").await;
        std::mem::swap(&mut now, &mut next);
    }
    world.finish(&next).await;
}

#[tokio::test]
async fn killed_on_the_way_back_the_next_run_converges() {
    let Some(world) = World::new().await else {
        return;
    };
    let host = std::env::var("RIVETOS_TEST_DOCKER_HOST").unwrap();
    let proxy = Proxy::before(&host);
    let cut = world.over(&proxy).await;
    let (before, _) = another_model(&world).await;
    let ends = world.desired(&Wish::agents(&["ada"]).with_model("ada", "model-that-ends"));
    // The new one is made, the old one stops, two are renamed, the new one starts: from the sixth
    // change on it goes back.
    for kill_after in 6.. {
        let plan = world.plan(&ends).await;
        up_to_swap(&world, &plan).await;
        proxy.cut_after(kill_after);
        let applied = cut.apply(swap_of(&plan), Progress::UNSEEN).await;
        assert!(applied.is_err());
        let changes = proxy.changes();
        let done = world.up(&before).await;
        assert_eq!(
            world.containers().await,
            ["-ada"],
            "{changes:?}, then {done:?}"
        );
        world.running_id("ada").await;
        if changes.len() < kill_after {
            break;
        }
    }
    world.finish(&before).await;
}
