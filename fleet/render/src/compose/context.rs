//! What the compose templates see.

use std::collections::BTreeSet;

use rivetos_fleet::label::labels;
use rivetos_fleet::model::{
    ContainerSpec, Desired, DesiredSet, FilesSpec, HealthCheck, Kind, Limits, LogRotation,
    MountMode, ResourceId, Spec,
};
use serde::Serialize;

use crate::files::{Given, generated, given};

/// A fleet of containers.
#[derive(Debug, Default, Serialize)]
pub(super) struct Compose {
    fleet: String,
    services: Vec<Service>,
    networks: Vec<Network>,
    data_volumes: Vec<DataVolume>,
    file_volumes: Vec<FileVolume>,
}

/// A key with its value, in the order of the keys.
#[derive(Debug, Serialize)]
struct Pair {
    key: String,
    value: String,
}

#[derive(Debug, Serialize)]
struct Service {
    /// Also the name that the other services reach it by.
    key: String,
    container_name: String,
    hostname: String,
    image: String,
    command: Vec<String>,
    environment: Vec<Pair>,
    user: Option<String>,
    init: bool,
    read_only: bool,
    tmpfs: Vec<String>,
    volumes: Vec<ServiceVolume>,
    network: String,
    ports: Vec<Port>,
    cap_drop: Vec<String>,
    cap_add: Vec<String>,
    security_opt: Vec<String>,
    limits: Limits,
    log: Option<LogRotation>,
    restart: &'static str,
    stop_grace_period: String,
    healthcheck: Option<Check>,
    labels: Vec<Pair>,
    /// Keys of the services that must be healthy first.
    depends_on: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ServiceVolume {
    source: String,
    target: String,
    read_only: bool,
}

#[derive(Debug, Serialize)]
struct Port {
    host_ip: String,
    published: String,
    target: u16,
}

#[derive(Debug, Serialize)]
struct Check {
    test: Vec<String>,
    interval: String,
    timeout: String,
    retries: u32,
    start_period: String,
}

#[derive(Debug, Serialize)]
struct Network {
    key: String,
    driver: String,
    labels: Vec<Pair>,
}

#[derive(Debug, Serialize)]
struct DataVolume {
    key: String,
    labels: Vec<Pair>,
}

/// A volume that is made and filled before the services are.
#[derive(Debug, Serialize)]
struct FileVolume {
    key: String,
    /// Where its files are gathered, relative to the rendered folder.
    folder: String,
    /// As `key=value`.
    labels: Vec<String>,
    given: Vec<Given>,
    generated: Vec<String>,
    /// The container through which the files get in, and what it is made from.
    carrier: String,
    carrier_image: String,
    /// The volume in the carrier, and the carrier's side of a copy.
    mount: String,
    destination: String,
}

impl Compose {
    pub(super) fn of(set: &DesiredSet) -> Self {
        let mut compose = Self {
            fleet: set.fleet.to_string(),
            ..Self::default()
        };
        for desired in set.resources.values() {
            let labels = pairs(labels(&set.fleet, desired));
            match &desired.spec {
                Spec::Network(network) => compose.networks.push(Network {
                    key: network.native_name.clone(),
                    driver: network.driver.clone(),
                    labels,
                }),
                Spec::Volume(volume) => compose.data_volumes.push(DataVolume {
                    key: volume.native_name.clone(),
                    labels,
                }),
                Spec::Files(files) => {
                    compose
                        .file_volumes
                        .push(file_volume(desired, files, labels));
                }
                Spec::Container(container) => {
                    let depends_on = dependencies(set, desired);
                    compose
                        .services
                        .push(service(container, labels, depends_on));
                }
                // Images are named by their services; roles live in the datahub; a fleet of
                // containers has no processes.
                Spec::Image(_) | Spec::Role(_) | Spec::Process(_) => {}
            }
        }
        compose
    }
}

fn pairs(map: impl IntoIterator<Item = (String, String)>) -> Vec<Pair> {
    map.into_iter()
        .map(|(key, value)| Pair { key, value })
        .collect()
}

/// The keys of the datahubs that `desired` comes after, at once or over roles.
fn dependencies(set: &DesiredSet, desired: &Desired) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&ResourceId> = desired.after.iter().collect();
    while let Some(id) = next.pop() {
        if let Some(before) = set.resources.get(id)
            && seen.insert(id)
        {
            next.extend(&before.after);
        }
    }
    let containers = seen.into_iter().filter(|id| id.kind == Kind::Datahub);
    containers
        .filter_map(|id| match &set.resources.get(id)?.spec {
            Spec::Container(datahub) => Some(datahub.hostname.clone()),
            Spec::Network(_)
            | Spec::Volume(_)
            | Spec::Files(_)
            | Spec::Image(_)
            | Spec::Process(_)
            | Spec::Role(_) => None,
        })
        .collect()
}

fn service(container: &ContainerSpec, labels: Vec<Pair>, depends_on: Vec<String>) -> Service {
    Service {
        key: container.hostname.clone(),
        container_name: container.native_name.clone(),
        hostname: container.hostname.clone(),
        image: container.image.clone(),
        command: container.command.clone(),
        environment: pairs(container.env.clone()),
        user: container.user.clone(),
        init: container.init,
        read_only: container.read_only_root,
        tmpfs: container.tmpfs.iter().map(tmpfs).collect(),
        volumes: service_volumes(container),
        network: container.network.clone(),
        ports: ports(container),
        cap_drop: container.cap_drop.clone(),
        cap_add: container.cap_add.clone(),
        limits: container.limits,
        log: container.log.clone(),
        security_opt: container.security_opt.clone(),
        restart: container.restart.as_str(),
        stop_grace_period: seconds(container.stop_grace_seconds),
        healthcheck: container.health.as_ref().map(check),
        labels,
        depends_on,
    }
}

fn tmpfs((path, options): (&String, &String)) -> String {
    if options.is_empty() {
        path.clone()
    } else {
        format!("{path}:{options}")
    }
}

fn service_volumes(container: &ContainerSpec) -> Vec<ServiceVolume> {
    container
        .mounts
        .iter()
        .map(|(target, mount)| ServiceVolume {
            source: mount.volume.clone(),
            target: target.clone(),
            read_only: match mount.mode {
                MountMode::ReadOnly => true,
                MountMode::ReadWrite => false,
            },
        })
        .collect()
}

fn ports(container: &ContainerSpec) -> Vec<Port> {
    container
        .published
        .iter()
        .map(|port| Port {
            host_ip: port.host_ip.clone(),
            published: port.host_port.to_string(),
            target: port.container_port,
        })
        .collect()
}

fn check(health: &HealthCheck) -> Check {
    let mut test = vec!["CMD".to_owned()];
    test.extend(health.command.iter().cloned());
    Check {
        test,
        interval: seconds(health.interval_seconds),
        timeout: seconds(health.timeout_seconds),
        retries: health.retries,
        start_period: seconds(health.start_seconds),
    }
}

fn seconds(seconds: u32) -> String {
    format!("{seconds}s")
}

fn file_volume(desired: &Desired, files: &FilesSpec, labels: Vec<Pair>) -> FileVolume {
    let key = files.native_name.clone();
    let folder = desired.id.to_string();
    let below = format!("{folder}/");
    let carrier = format!("{key}-carrier");
    FileVolume {
        labels: labels
            .into_iter()
            .map(|Pair { key, value }| format!("{key}={value}"))
            .collect(),
        given: given(files, &below),
        generated: generated(files, &below),
        carrier_image: files.carrier_image.clone().unwrap_or_default(),
        mount: format!("{key}:/files"),
        destination: format!("{carrier}:/files"),
        key,
        folder,
        carrier,
    }
}
