use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::models::{
    ContainerConfig, ContainerCreateBody, ContainerInspectResponse, ContainerState,
    ContainerStateStatusEnum, EndpointSettings, ImageConfig, MountPoint, NetworkSettings,
};
use rivetos_fleet::model::{
    ContainerSpec, HealthCheck, Life, Limits, LogRotation, Mount, MountMode, PublishedPort,
    RestartPolicy, Spec,
};

use super::limit::Limit;
use super::{Surroundings, create_body, lacks_limits, life, lift};

fn spec() -> ContainerSpec {
    ContainerSpec {
        native_name: "home-ada".to_owned(),
        hostname: "ada".to_owned(),
        image: "rivetos-agent:1".to_owned(),
        image_id: Some("sha256:1".to_owned()),
        command: vec!["run".to_owned()],
        env: BTreeMap::from([("LANG".to_owned(), "C".to_owned())]),
        user: Some("1000:1000".to_owned()),
        init: true,
        read_only_root: true,
        tmpfs: BTreeMap::from([("/tmp".to_owned(), "size=64m".to_owned())]),
        mounts: BTreeMap::from([
            (
                "/data".to_owned(),
                Mount {
                    volume: "home-ada-data".to_owned(),
                    mode: MountMode::ReadWrite,
                },
            ),
            (
                "/etc/x".to_owned(),
                Mount {
                    volume: "home-ada-config".to_owned(),
                    mode: MountMode::ReadOnly,
                },
            ),
        ]),
        network: "home".to_owned(),
        published: vec![PublishedPort {
            host_ip: "127.0.0.1".to_owned(),
            host_port: 5432,
            container_port: 5433,
        }],
        cap_drop: vec!["ALL".to_owned()],
        cap_add: vec!["CHOWN".to_owned()],
        security_opt: vec!["no-new-privileges:true".to_owned()],
        limits: Limits {
            memory_bytes: Some(1 << 30),
            milli_cpus: Some(1500),
            pids: Some(64),
        },
        log: Some(LogRotation {
            max_size: "10m".to_owned(),
            max_file: 3,
        }),
        restart: RestartPolicy::UnlessStopped,
        stop_grace_seconds: 30,
        health: Some(HealthCheck {
            command: vec!["check".to_owned()],
            interval_seconds: 10,
            timeout_seconds: 3,
            retries: 2,
            start_seconds: 5,
        }),
    }
}

/// What an engine answers to an inspect of a container made from `body`, with an image that brings
/// an environment, a volume and a user of its own.
fn engine_view(body: ContainerCreateBody) -> ContainerInspectResponse {
    let mut env = body.env.unwrap_or_default();
    env.push("PATH=/bin".to_owned());
    let mounts = body
        .host_config
        .iter()
        .flat_map(|host| host.mounts.iter().flatten());
    let mut points: Vec<MountPoint> = mounts
        .map(|mount| MountPoint {
            typ: Some("volume".to_owned()),
            name: mount.source.clone(),
            destination: mount.target.clone(),
            rw: mount.read_only.map(|ro| !ro),
            ..MountPoint::default()
        })
        .collect();
    points.push(MountPoint {
        typ: Some("volume".to_owned()),
        name: Some("0123abcd".to_owned()),
        destination: Some("/var/lib/declared".to_owned()),
        rw: Some(true),
        ..MountPoint::default()
    });
    ContainerInspectResponse {
        name: Some("/home-ada".to_owned()),
        image: Some("sha256:1".to_owned()),
        mounts: Some(points),
        config: Some(ContainerConfig {
            hostname: body.hostname,
            image: body.image,
            cmd: body.cmd.or_else(|| image().cmd),
            env: Some(env),
            user: body.user.or_else(|| image().user),
            stop_timeout: body.stop_timeout,
            healthcheck: body.healthcheck,
            ..ContainerConfig::default()
        }),
        host_config: body.host_config,
        network_settings: Some(NetworkSettings {
            networks: Some(HashMap::from([(
                "home".to_owned(),
                EndpointSettings {
                    network_id: Some("n1".to_owned()),
                    ..EndpointSettings::default()
                },
            )])),
            ..NetworkSettings::default()
        }),
        ..ContainerInspectResponse::default()
    }
}

fn image() -> ImageConfig {
    ImageConfig {
        env: Some(vec!["PATH=/bin".to_owned()]),
        cmd: Some(vec!["serve".to_owned()]),
        user: Some("postgres".to_owned()),
        ..ImageConfig::default()
    }
}

fn seen(live: &ContainerInspectResponse, wanted: &ContainerSpec, network: &str) -> ContainerSpec {
    let networks = HashMap::from([("home".to_owned(), network.to_owned())]);
    lift(
        live,
        &Surroundings {
            image: &image(),
            wanted: Some(wanted),
            networks: &networks,
            unlimited: &BTreeSet::new(),
        },
    )
}

#[test]
fn what_was_asked_for_is_what_is_seen() {
    let spec = spec();
    let live = engine_view(create_body(&spec, BTreeMap::new()));
    assert_eq!(seen(&live, &spec, "n1"), spec);
}

#[test]
fn what_comes_from_the_image_is_not_seen_unless_wanted() {
    let mut plain = spec();
    plain.command.clear();
    plain.user = None;
    plain.health = None;
    let live = engine_view(create_body(&plain, BTreeMap::new()));
    assert_eq!(seen(&live, &plain, "n1"), plain);

    let mut explicit = plain.clone();
    explicit.command = vec!["serve".to_owned()];
    explicit.user = Some("postgres".to_owned());
    explicit.env.insert("PATH".to_owned(), "/bin".to_owned());
    assert_eq!(seen(&live, &explicit, "n1"), explicit);
}

#[test]
fn changes_by_hand_show() {
    let spec = spec();
    let mut live = engine_view(create_body(&spec, BTreeMap::new()));
    live.name = Some("/renamed".to_owned());
    if let Some(host) = &mut live.host_config {
        host.cap_drop = None;
        host.restart_policy = None;
        host.memory = Some(512 << 20);
        host.nano_cpus = Some(500_000_000);
    }
    let seen_spec = seen(&live, &spec, "n1");
    let fields = |spec: ContainerSpec| Spec::Container(Box::new(spec)).fields();
    let (now, then) = (fields(seen_spec), fields(spec));
    let changed: Vec<&String> = then
        .keys()
        .filter(|name| now.get(*name) != then.get(*name))
        .collect();
    assert_eq!(changed, ["cap_drop", "cpus", "memory", "name", "restart"]);
}

#[test]
fn a_limit_that_the_engine_cannot_keep_counts_as_set() {
    let spec = spec();
    let mut live = engine_view(create_body(&spec, BTreeMap::new()));
    if let Some(host) = &mut live.host_config {
        host.memory = Some(0);
    }
    assert!(lacks_limits(&live, &spec));
    let networks = HashMap::from([("home".to_owned(), "n1".to_owned())]);
    let check = |unlimited: BTreeSet<Limit>, memory: Option<u64>| {
        let around = Surroundings {
            image: &image(),
            wanted: Some(&spec),
            networks: &networks,
            unlimited: &unlimited,
        };
        assert_eq!(lift(&live, &around).limits.memory_bytes, memory);
    };
    check(BTreeSet::new(), None);
    check(BTreeSet::from([Limit::Pids]), None);
    check(BTreeSet::from([Limit::Memory]), Some(1 << 30));
}

#[test]
fn a_network_that_was_made_anew_is_another() {
    let spec = spec();
    let live = engine_view(create_body(&spec, BTreeMap::new()));
    assert_ne!(seen(&live, &spec, "n2").network, "home");
}

#[test]
fn endings_are_told() {
    let stopped = |exit_code, oom| ContainerState {
        status: Some(ContainerStateStatusEnum::EXITED),
        exit_code: Some(exit_code),
        oom_killed: Some(oom),
        ..ContainerState::default()
    };
    assert_eq!(
        life(Some(&stopped(137, true))),
        Life::Stopped("exited with code 137, out of memory".to_owned())
    );
    assert_eq!(
        life(Some(&stopped(0, false))),
        Life::Stopped("exited with code 0".to_owned())
    );
}
