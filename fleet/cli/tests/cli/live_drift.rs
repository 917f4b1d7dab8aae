//! What somebody did to a fleet's containers with other tools: `preview` says it, `up` mends it and
//! touches nothing else.

use bollard::Docker;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};

use crate::live::{Live, PREVIEW, Parts, UP};

/// A fleet that is up, of `ada` and `max` and without a datahub.
fn fleet(name: &str) -> Option<Live> {
    let live = Live::new(name)?;
    live.build();
    live.write_parts(&Parts {
        agents: &[("ada", "rehearsal"), ("max", "rehearsal")],
        deployment: "",
        ..Parts::default()
    });
    live.comes_up();
    Some(live)
}

/// One thing of a container, as the engine's client formats it.
fn of(live: &Live, agent: &str, what: &str) -> String {
    live.docker(&["inspect", "--format", what, &live.container_id(agent)])
}

/// What `preview` says of `ada`, and that it has nothing to say of `max`.
fn drifted(live: &Live) -> String {
    let plan = live.must(2, &PREVIEW);
    assert!(
        plan.contains("agent/ada") && !plan.contains("agent/max"),
        "{plan}"
    );
    plan
}

/// Makes a container again as it was, with one more variable in its environment.
async fn with_another_environment(docker: &Docker, name: &str) {
    let ContainerInspectResponse {
        config,
        host_config,
        ..
    } = docker.inspect_container(name, None).await.unwrap();
    let config = config.unwrap();
    let force = RemoveContainerOptionsBuilder::new().force(true).build();
    docker.remove_container(name, Some(force)).await.unwrap();
    let mut env = config.env.unwrap_or_default();
    env.push("SURPRISE=1".to_owned());
    let body = ContainerCreateBody {
        env: Some(env),
        hostname: config.hostname,
        image: config.image,
        cmd: config.cmd,
        user: config.user,
        labels: config.labels,
        stop_timeout: config.stop_timeout,
        host_config,
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::new().name(name).build();
    docker.create_container(Some(options), body).await.unwrap();
    docker.start_container(name, None).await.unwrap();
}

#[test]
fn another_environment_under_the_same_name_and_labels() {
    let Some(live) = fleet("environment") else {
        return;
    };
    let max = live.container_id("max");
    let name = format!("{}-ada", live.fleet);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        with_another_environment(&live.engine().await, &name).await;
    });
    let plan = drifted(&live);
    assert!(plan.contains("SURPRISE"), "{plan}");
    live.comes_up();
    let env = of(&live, "ada", "{{.Config.Env}}");
    assert!(!env.contains("SURPRISE"), "{env}");
    assert_eq!(live.container_id("max"), max, "max was touched");
}

#[test]
fn killed_paused_and_deleted_containers() {
    let Some(live) = fleet("stopped") else {
        return;
    };
    let (ada, max) = (live.container_id("ada"), live.container_id("max"));
    let began = of(&live, "max", "{{.State.StartedAt}}");

    live.docker(&["kill", &ada]);
    let plan = drifted(&live);
    assert!(plan.contains("exited with code 137"), "{plan}");
    live.comes_up();
    assert_eq!(live.container_id("ada"), ada, "started, not made again");

    let since = of(&live, "ada", "{{.State.StartedAt}}");
    live.docker(&["pause", &ada]);
    let plan = drifted(&live);
    assert!(plan.contains("paused"), "{plan}");
    live.comes_up();
    assert_eq!(
        of(&live, "ada", "{{.State.StartedAt}} {{.State.Paused}}"),
        format!("{since} false"),
        "woken, not started again"
    );

    live.docker(&["rm", "--force", &ada]);
    let plan = drifted(&live);
    assert!(plan.contains("agent/ada will be created"), "{plan}");
    live.comes_up();
    assert_eq!(
        (
            live.container_id("max"),
            of(&live, "max", "{{.State.StartedAt}}")
        ),
        (max, began),
        "max was touched"
    );
}

#[test]
fn another_limit_of_memory() {
    let Some(live) = fleet("memory") else {
        return;
    };
    let max = live.container_id("max");
    let memory = || of(&live, "ada", "{{.HostConfig.Memory}}");
    let before = memory();
    let ada = live.container_id("ada");
    live.docker(&["update", "--memory=300m", "--memory-swap=300m", &ada]);
    assert_ne!(memory(), before);
    let plan = drifted(&live);
    assert!(plan.contains("memory"), "{plan}");
    live.comes_up();
    assert_eq!(memory(), before);
    assert_eq!(live.container_id("max"), max, "max was touched");
}

#[test]
fn an_agent_that_left_the_file_goes_and_its_data_stays() {
    let Some(live) = fleet("orphan") else {
        return;
    };
    let (ada, max) = (live.container_id("ada"), live.container_id("max"));
    live.docker(&["exec", &max, "touch", "/var/lib/rivetos/kept"]);
    live.write_parts(&Parts {
        deployment: "",
        ..Parts::default()
    });
    let plan = live.must(2, &PREVIEW);
    assert!(
        plan.contains("agent/max") && !plan.contains("agent/ada"),
        "{plan}"
    );
    live.must(0, &UP);
    live.must(0, &PREVIEW);
    assert_eq!(live.ours("container"), [ada[..12].to_owned()]);
    let data = format!("{}-max-data", live.fleet);
    assert!(live.ours("volume").contains(&data));
    let mount = format!("{data}:/data:ro");
    let look = ["run", "--rm", "--volume", &mount, "debian:trixie-slim"];
    live.docker(&[&look[..], &["test", "-e", "/data/kept"]].concat());
}
