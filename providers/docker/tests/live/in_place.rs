//! What changes in a container while it runs: it is the same one afterwards and never stopped.

use bollard::models::{
    ContainerUpdateBody, NetworkDisconnectRequest, RestartPolicy, RestartPolicyNameEnum,
};

use crate::world::{Wish, World};

/// Which run of which container it is.
#[derive(Debug, PartialEq, Eq)]
struct RunOf {
    container: String,
    process: i64,
    since: String,
}

/// What a container may use, and where it is connected.
#[derive(Debug, PartialEq, Eq)]
struct Bounds {
    memory: i64,
    /// Of processor time, in thousandths of one.
    milli_cpus: i64,
    pids: i64,
    restart: RestartPolicyNameEnum,
    networks: Vec<String>,
}

impl World {
    async fn run_of(&self, agent: &str) -> RunOf {
        let live = self.inspect(agent).await;
        let state = live.state.unwrap();
        assert_eq!(state.running, Some(true), "{agent}");
        RunOf {
            container: live.id.unwrap(),
            process: state.pid.unwrap(),
            since: state.started_at.unwrap(),
        }
    }

    async fn bounds(&self, agent: &str) -> Bounds {
        let live = self.inspect(agent).await;
        let host = live.host_config.unwrap();
        let networks = live.network_settings.unwrap().networks.unwrap();
        let mut networks: Vec<String> = networks.into_keys().collect();
        networks.sort();
        Bounds {
            memory: host.memory.unwrap(),
            milli_cpus: host.cpu_quota.unwrap() * 1000 / host.cpu_period.unwrap(),
            pids: host.pids_limit.unwrap(),
            restart: host.restart_policy.unwrap().name.unwrap(),
            networks,
        }
    }
}

#[tokio::test]
async fn limits_follow_the_configuration() {
    let Some(world) = World::new().await else {
        return;
    };
    let mut wish = Wish::agents(&["ada", "max"]);
    world.up(&world.desired(&wish)).await;
    let (ada, max) = (world.run_of("ada").await, world.run_of("max").await);
    let before = world.bounds("ada").await;

    wish.resources = "{ memory: 256m, cpus: 0.5, pids: 77 }";
    let smaller = world.desired(&wish);
    let done = world.up(&smaller).await;
    assert_eq!(done, ["agent/ada#update", "agent/max#update"]);
    let expected = Bounds {
        memory: 256 << 20,
        milli_cpus: 500,
        pids: 77,
        ..before
    };
    assert_eq!(world.bounds("ada").await, expected);
    assert_eq!(world.bounds("max").await, expected);
    assert_eq!(world.run_of("ada").await, ada);
    assert_eq!(world.run_of("max").await, max);
    world.finish(&smaller).await;
}

#[tokio::test]
async fn what_somebody_changed_in_a_running_container_is_changed_back() {
    let Some(world) = World::new().await else {
        return;
    };
    let desired = world.desired(&Wish::agents(&["ada"]));
    world.up(&desired).await;
    let (run, before) = (world.run_of("ada").await, world.bounds("ada").await);
    let name = world.name("ada");

    let by_hand = ContainerUpdateBody {
        cpu_quota: Some(30_000),
        pids_limit: Some(33),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        ..ContainerUpdateBody::default()
    };
    let docker = &world.docker;
    docker.update_container(&name, by_hand).await.unwrap();
    assert_ne!(world.bounds("ada").await, before);
    assert_eq!(world.up(&desired).await, ["agent/ada#update"]);
    assert_eq!(world.bounds("ada").await, before);

    let out = NetworkDisconnectRequest {
        container: name,
        force: Some(true),
    };
    let network = world.fleet.to_string();
    docker.disconnect_network(&network, out).await.unwrap();
    assert_eq!(world.bounds("ada").await.networks, Vec::<String>::new());
    assert_eq!(world.up(&desired).await, ["agent/ada#update"]);
    assert_eq!(world.bounds("ada").await, before);
    assert_eq!(world.run_of("ada").await, run);
    world.finish(&desired).await;
}
