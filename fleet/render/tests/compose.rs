//! The compose text says what the typed containers say, whatever their texts are.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use rivetos_config::{FleetId, PortRange, SecretRef};
use rivetos_fleet::label::labels;
use rivetos_fleet::model::{
    ContainerSpec, Desired, DesiredSet, FileContent, FilesSpec, HealthCheck, Kind, Layout, Limits,
    LogRotation, Mount, MountMode, NetworkSpec, Protection, PublishedPort, ResourceId,
    RestartPolicy, Spec, TargetId, Uid, VolumeSpec,
};
use rivetos_render::render;
use serde_json::{Map, Value};

const RESTART_POLICIES: [RestartPolicy; 4] = [
    RestartPolicy::No,
    RestartPolicy::Always,
    RestartPolicy::UnlessStopped,
    RestartPolicy::OnFailure,
];

/// Texts that YAML, Compose or a template could take for something else.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "no",
            "0777",
            "1e3",
            "null",
            "~",
            "",
            "a: b",
            "a #b",
            "line\nline\n",
            "{{ fleet }}",
            "{% if x %}",
            "{# x #}",
            "$HOME",
            "${HOME:-x}",
            "$$",
            "*a",
            "&a",
            "!a",
            "- a",
            "? a",
            "'",
            "\"",
            "\\n",
            "ö🦀",
            "\u{7f}",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            " ",
            "\t",
            "---",
            "%a",
            "@a",
            "`a`",
            "|",
            ">",
            "[",
            "{",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ]
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,12}[a-z0-9]"
}

fn mount() -> impl Strategy<Value = Mount> {
    (name(), any::<bool>()).prop_map(|(volume, writable)| Mount {
        volume,
        mode: if writable {
            MountMode::ReadWrite
        } else {
            MountMode::ReadOnly
        },
    })
}

fn port() -> impl Strategy<Value = PublishedPort> {
    (hostile(), any::<u16>(), any::<u16>()).prop_map(|(host_ip, host_port, container_port)| {
        PublishedPort {
            host_ip,
            host_port,
            container_port,
        }
    })
}

fn health() -> impl Strategy<Value = HealthCheck> {
    (vec(hostile(), 1..3), any::<[u32; 4]>()).prop_map(|(command, numbers)| HealthCheck {
        command,
        interval_seconds: numbers[0],
        timeout_seconds: numbers[1],
        retries: numbers[2],
        start_seconds: numbers[3],
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    let memory = of(any::<u32>().prop_map(u64::from));
    (memory, of(any::<u32>()), of(any::<u32>())).prop_map(|(memory_bytes, milli_cpus, pids)| {
        Limits {
            memory_bytes,
            milli_cpus,
            pids,
        }
    })
}

fn log() -> impl Strategy<Value = LogRotation> {
    (hostile(), any::<u32>()).prop_map(|(max_size, max_file)| LogRotation { max_size, max_file })
}

prop_compose! {
    fn container()(
        (native_name, hostname, network) in (name(), name(), name()),
        image in hostile(),
        command in vec(hostile(), 0..3),
        env in btree_map(hostile(), hostile(), 0..3),
        user in of(hostile()),
        (init, read_only_root) in any::<(bool, bool)>(),
        tmpfs in btree_map("/[a-z ]{1,5}", hostile(), 0..2),
        mounts in btree_map(hostile(), mount(), 0..3),
        published in vec(port(), 0..2),
        (cap_drop, cap_add) in (vec(hostile(), 0..2), vec(hostile(), 0..2)),
        security_opt in vec(hostile(), 0..2),
        (limits, log) in (limits(), of(log())),
        restart in prop::sample::select(&RESTART_POLICIES[..]),
        stop_grace_seconds in any::<u32>(),
        health in of(health()),
    ) -> ContainerSpec {
        ContainerSpec {
            native_name, hostname, image, image_id: None, command, env, user, init,
            read_only_root, tmpfs, mounts, network, published, cap_drop, cap_add,
            security_opt, limits, log, restart, stop_grace_seconds, health,
        }
    }
}

fn desired(fleet: &FleetId, id: ResourceId, spec: Spec) -> Desired {
    Desired {
        uid: Uid::derive(fleet, &id),
        id,
        spec,
        after: BTreeSet::new(),
    }
}

/// A fleet with one resource of each kind that the compose file knows, the first of `containers`
/// as its datahub and the others as agents that come after it.
fn set_of(containers: Vec<ContainerSpec>) -> DesiredSet {
    let fleet: FleetId = "home".parse().unwrap();
    let network = Spec::Network(NetworkSpec {
        native_name: "home".into(),
        driver: "bridge".into(),
    });
    let volume = Spec::Volume(VolumeSpec {
        native_name: "home-ada-data".into(),
        protection: Protection::None,
    });
    let mut all = vec![
        desired(&fleet, ResourceId::new(Kind::Network, "fleet"), network),
        desired(&fleet, ResourceId::new(Kind::Volume, "ada"), volume),
        desired(
            &fleet,
            ResourceId::new(Kind::Config, "ada"),
            configuration(),
        ),
        desired(&fleet, ResourceId::new(Kind::Secret, "ada"), secrets()),
    ];
    let datahub = ResourceId::new(Kind::Datahub, "main");
    for (index, container) in containers.into_iter().enumerate() {
        let id = if index == 0 {
            datahub.clone()
        } else {
            ResourceId::new(Kind::Agent, format!("agent-{index}"))
        };
        let mut one = desired(&fleet, id, Spec::Container(Box::new(container)));
        if index > 0 {
            one.after.insert(datahub.clone());
        }
        all.push(one);
    }
    DesiredSet {
        fleet,
        resources: all.into_iter().map(|one| (one.id.clone(), one)).collect(),
        port_range: PortRange::default(),
    }
}

fn files(native_name: &str, files: impl IntoIterator<Item = (&'static str, FileContent)>) -> Spec {
    Spec::Files(FilesSpec {
        native_name: native_name.to_owned(),
        files: files
            .into_iter()
            .map(|(path, content)| (path.to_owned(), content))
            .collect(),
        carrier_image: Some("rivetos-agent:1".to_owned()),
    })
}

fn configuration() -> Spec {
    let text = |text: &str| FileContent::Text {
        text: text.to_owned(),
    };
    let texts = [
        ("rivet.config.yaml", text("fleet: x\n")),
        ("workspace/CORE.md", text("Be kind.\n")),
    ];
    files("home-ada-config", texts)
}

fn secrets() -> Spec {
    let given = |secret| FileContent::Given {
        secret,
        digest: None,
    };
    let contents = [
        ("agent_token", FileContent::Generated),
        (
            "main_api_key",
            given(SecretRef::Env("LLM_API_KEY".to_owned())),
        ),
        ("other_api_key", given(SecretRef::File("/keys/it's".into()))),
    ];
    files("home-ada-secret", contents)
}

fn compose(set: &DesiredSet) -> Value {
    let text = &render(&one(set)).unwrap()["compose.yaml"];
    // The pinned reader takes dollars as they are; Compose halves doubled ones in values.
    match serde_saphyr::from_str(text) {
        Ok(value) => halved(value),
        Err(error) => panic!("{error}\n{text}"),
    }
}

fn halved(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("$$", "$")),
        Value::Array(items) => items.into_iter().map(halved).collect(),
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, value)| (key, halved(value)))
                .collect(),
        ),
        other => other,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn texts(value: Option<&Value>) -> Vec<String> {
    value
        .map(|list| list.as_array().unwrap().iter().map(text).collect())
        .unwrap_or_default()
}

fn map(value: Option<&Value>) -> Map<String, Value> {
    value
        .map(|map| map.as_object().unwrap().clone())
        .unwrap_or_default()
}

fn seconds(value: &Value) -> u32 {
    value
        .as_str()
        .unwrap()
        .strip_suffix('s')
        .unwrap()
        .parse()
        .unwrap()
}

fn number<T: TryFrom<u64, Error: std::fmt::Debug>>(value: &Value) -> T {
    value.as_u64().unwrap().try_into().unwrap()
}

fn limits_of(service: &Value) -> Limits {
    Limits {
        memory_bytes: service.get("mem_limit").map(|bytes| {
            assert_eq!(bytes, &service["memswap_limit"]);
            number(bytes)
        }),
        milli_cpus: service.get("cpu_quota").map(|quota| {
            let per_milli = service["cpu_period"].as_u64().unwrap() / 1000;
            (quota.as_u64().unwrap() / per_milli).try_into().unwrap()
        }),
        pids: service.get("pids_limit").map(number),
    }
}

fn mount_of(volume: &Value) -> (String, Mount) {
    assert_eq!(volume["type"], "volume");
    let mode = if volume["read_only"].as_bool().unwrap() {
        MountMode::ReadOnly
    } else {
        MountMode::ReadWrite
    };
    let volume_name = text(&volume["source"]);
    (
        text(&volume["target"]),
        Mount {
            volume: volume_name,
            mode,
        },
    )
}

fn log_of(logging: &Value) -> LogRotation {
    assert_eq!(logging["driver"], "json-file");
    LogRotation {
        max_size: text(&logging["options"]["max-size"]),
        max_file: text(&logging["options"]["max-file"]).parse().unwrap(),
    }
}

/// The container that a service of the compose file describes.
fn container_of(service: &Value) -> ContainerSpec {
    let list = |key: &str| {
        service
            .get(key)
            .map(|v| v.as_array().unwrap().clone())
            .unwrap_or_default()
    };
    ContainerSpec {
        native_name: text(&service["container_name"]),
        hostname: text(&service["hostname"]),
        image: text(&service["image"]),
        image_id: None,
        command: texts(service.get("command")),
        env: map(service.get("environment"))
            .iter()
            .map(|(k, v)| (k.clone(), text(v)))
            .collect(),
        user: service.get("user").map(text),
        init: service["init"].as_bool().unwrap(),
        read_only_root: service["read_only"].as_bool().unwrap(),
        tmpfs: texts(service.get("tmpfs"))
            .iter()
            .map(|entry| entry.split_once(':').unwrap_or((entry, "")))
            .map(|(path, options)| (path.to_owned(), options.to_owned()))
            .collect(),
        mounts: list("volumes").iter().map(mount_of).collect(),
        network: texts(service.get("networks")).concat(),
        published: list("ports")
            .iter()
            .map(|port| PublishedPort {
                host_ip: text(&port["host_ip"]),
                host_port: text(&port["published"]).parse().unwrap(),
                container_port: number(&port["target"]),
            })
            .collect(),
        cap_drop: texts(service.get("cap_drop")),
        cap_add: texts(service.get("cap_add")),
        limits: limits_of(service),
        log: service.get("logging").map(log_of),
        security_opt: texts(service.get("security_opt")),
        restart: *RESTART_POLICIES
            .iter()
            .find(|policy| service["restart"] == policy.as_str())
            .unwrap(),
        stop_grace_seconds: seconds(&service["stop_grace_period"]),
        health: service.get("healthcheck").map(|check| {
            let test = texts(check.get("test"));
            assert_eq!(test[0], "CMD");
            HealthCheck {
                command: test[1..].to_vec(),
                interval_seconds: seconds(&check["interval"]),
                timeout_seconds: seconds(&check["timeout"]),
                retries: number(&check["retries"]),
                start_seconds: seconds(&check["start_period"]),
            }
        }),
    }
}

fn containers_of(set: &DesiredSet) -> Vec<&ContainerSpec> {
    set.resources
        .values()
        .filter_map(|one| match &one.spec {
            Spec::Container(container) => Some(container.as_ref()),
            _ => None,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_text_gives_the_containers_back(containers in vec(container(), 1..4)) {
        let hostnames: BTreeSet<&String> = containers.iter().map(|c| &c.hostname).collect();
        prop_assume!(hostnames.len() == containers.len());
        let set = set_of(containers);
        let compose = compose(&set);
        prop_assert_eq!(&compose["name"], "home");
        let services = map(compose.get("services"));
        let expected = containers_of(&set);
        prop_assert_eq!(services.len(), expected.len());
        for container in expected {
            let service = &services[&container.hostname];
            prop_assert_eq!(&container_of(service), container);
        }
        prop_assert_eq!(render(&one(&set)).unwrap(), render(&one(&set.clone())).unwrap());
    }
}

fn small_set() -> DesiredSet {
    let plain = |name: &str| ContainerSpec {
        native_name: format!("home-{name}"),
        hostname: name.to_owned(),
        image: "rivetos-agent:1".to_owned(),
        image_id: None,
        command: vec!["run".to_owned()],
        env: BTreeMap::new(),
        user: Some("1000:1000".to_owned()),
        init: true,
        read_only_root: true,
        tmpfs: BTreeMap::from([("/tmp".to_owned(), String::new())]),
        mounts: BTreeMap::from([(
            "/etc/rivetos".to_owned(),
            Mount {
                volume: "home-ada-config".to_owned(),
                mode: MountMode::ReadOnly,
            },
        )]),
        network: "home".to_owned(),
        published: Vec::new(),
        cap_drop: vec!["ALL".to_owned()],
        cap_add: Vec::new(),
        limits: Limits::default(),
        log: None,
        security_opt: vec!["no-new-privileges:true".to_owned()],
        restart: RestartPolicy::UnlessStopped,
        stop_grace_seconds: 30,
        health: None,
    };
    set_of(vec![plain("datahub"), plain("ada")])
}

#[test]
fn every_object_bears_its_labels() {
    let set = small_set();
    let compose = compose(&set);
    let place = |one: &Desired| match &one.spec {
        Spec::Container(c) => Some(&compose["services"][&c.hostname]),
        Spec::Network(n) => Some(&compose["networks"][&n.native_name]),
        Spec::Volume(v) => Some(&compose["volumes"][&v.native_name]),
        _ => None,
    };
    for one in set.resources.values() {
        if let Some(place) = place(one) {
            let written: BTreeMap<String, String> = map(place.get("labels"))
                .iter()
                .map(|(k, v)| (k.clone(), text(v)))
                .collect();
            assert_eq!(written, labels(&set.fleet, one), "{}", one.id);
        }
    }
}

#[test]
fn agents_wait_for_the_datahub_and_file_volumes_are_made_elsewhere() {
    let compose = compose(&small_set());
    assert_eq!(
        compose["services"]["ada"]["depends_on"]["datahub"]["condition"],
        "service_healthy"
    );
    assert_eq!(compose["services"]["datahub"].get("depends_on"), None);
    for name in ["home-ada-config", "home-ada-secret"] {
        assert_eq!(compose["volumes"][name]["external"], true);
    }
    assert_eq!(compose["volumes"]["home-ada-data"].get("external"), None);
}

#[test]
fn the_folder_holds_configurations_and_no_secret() {
    let texts = render(&one(&small_set())).unwrap();
    let names: Vec<&String> = texts.keys().collect();
    assert_eq!(
        names,
        [
            "README.md",
            "compose.yaml",
            "config/ada/rivet.config.yaml",
            "config/ada/workspace/CORE.md"
        ]
    );
    insta::assert_snapshot!("readme", texts["README.md"]);
}

/// A fleet of one engine.
fn one(set: &DesiredSet) -> Layout {
    Layout::from([(TargetId::docker(None), set.clone())])
}
