//! The engine's words to a spec.
//!
//! Only what somebody set is taken over: what a container has from its image is left out, unless
//! the wanted spec sets the very same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::models::{
    ContainerConfig, ContainerInspectResponse, ContainerState, ContainerStateStatusEnum,
    HealthConfig, HostConfig, ImageConfig, MountPoint, NetworkSettings, RestartPolicyNameEnum,
};
use rivetos_fleet::model::{
    ContainerSpec, HealthCheck, Life, Limits, LogRotation, Mount, MountMode, PublishedPort,
    RestartPolicy,
};

use super::limit::{Limit, assumed};
use super::lower::{
    CPU_PERIOD_US, LOG_DRIVER, LOG_MAX_FILE, LOG_MAX_SIZE, MEMORY_UNLIMITED, NANOS_PER_MILLI_CPU,
};

/// The engine's own grace, where a container names none.
const STOP_GRACE_SECONDS: u32 = 10;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// What else must be known to read a container.
pub(crate) struct Surroundings<'a> {
    /// The configuration of its image.
    pub(crate) image: &'a ImageConfig,
    /// What it should be, where it should be.
    pub(crate) wanted: Option<&'a ContainerSpec>,
    /// Ids of the engine's networks, by name.
    pub(crate) networks: &'a HashMap<String, String>,
    /// What the engine cannot limit.
    pub(crate) unlimited: &'a BTreeSet<Limit>,
}

/// What a live container is, as a spec.
pub(crate) fn lift(live: &ContainerInspectResponse, around: &Surroundings<'_>) -> ContainerSpec {
    let (no_config, no_host) = (ContainerConfig::default(), HostConfig::default());
    let config = live.config.as_ref().unwrap_or(&no_config);
    let host = live.host_config.as_ref().unwrap_or(&no_host);
    ContainerSpec {
        native_name: live
            .name
            .as_deref()
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned(),
        hostname: config.hostname.clone().unwrap_or_default(),
        image: config.image.clone().unwrap_or_default(),
        image_id: live.image.clone(),
        command: command(config, around),
        env: env(config, around),
        user: user(config, around),
        init: host.init.unwrap_or_default(),
        read_only_root: host.readonly_rootfs.unwrap_or_default(),
        tmpfs: host.tmpfs.clone().unwrap_or_default().into_iter().collect(),
        mounts: mounts(live.mounts.as_deref().unwrap_or_default(), host),
        network: network(host, live.network_settings.as_ref(), around),
        published: published(host),
        cap_drop: capabilities(host.cap_drop.as_deref()),
        cap_add: capabilities(host.cap_add.as_deref()),
        security_opt: host.security_opt.clone().unwrap_or_default(),
        limits: assumed(
            limits(host),
            around.wanted.map(|spec| spec.limits).unwrap_or_default(),
            around.unlimited,
        ),
        log: log(host),
        restart: restart(host),
        stop_grace_seconds: config
            .stop_timeout
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or(STOP_GRACE_SECONDS),
        health: health(config, around),
    }
}

fn command(config: &ContainerConfig, around: &Surroundings<'_>) -> Vec<String> {
    let own = config.cmd.clone().unwrap_or_default();
    let from_image = around.image.cmd.as_ref() == Some(&own);
    let wanted = around.wanted.is_some_and(|spec| spec.command == own);
    if from_image && !wanted {
        Vec::new()
    } else {
        own
    }
}

fn env(config: &ContainerConfig, around: &Surroundings<'_>) -> BTreeMap<String, String> {
    let from_image: BTreeSet<&String> = around.image.env.iter().flatten().collect();
    config
        .env
        .iter()
        .flatten()
        .filter_map(|entry| Some((entry, entry.split_once('=')?)))
        .filter(|(entry, (name, _))| {
            let wanted = around
                .wanted
                .is_some_and(|spec| spec.env.contains_key(*name));
            wanted || !from_image.contains(entry)
        })
        .map(|(_, (name, value))| (name.to_owned(), value.to_owned()))
        .collect()
}

fn user(config: &ContainerConfig, around: &Surroundings<'_>) -> Option<String> {
    let own = config.user.clone().filter(|user| !user.is_empty())?;
    let from_image = around.image.user.as_ref() == Some(&own);
    let wanted = around
        .wanted
        .is_some_and(|spec| spec.user.as_ref() == Some(&own));
    (!from_image || wanted).then_some(own)
}

/// Volumes and folders. A volume that the engine made because the image declares one is nobody's
/// wish.
fn mounts(points: &[MountPoint], host: &HostConfig) -> BTreeMap<String, Mount> {
    let asked: BTreeSet<&str> = host
        .mounts
        .iter()
        .flatten()
        .filter_map(|mount| mount.target.as_deref())
        .chain(
            host.binds
                .iter()
                .flatten()
                .filter_map(|bind| bind.split(':').nth(1)),
        )
        .collect();
    points
        .iter()
        .filter(|point| point.typ.as_deref() != Some("tmpfs"))
        .filter_map(|point| {
            let path = point.destination.clone()?;
            let volume = point
                .name
                .clone()
                .filter(|name| !name.is_empty())
                .or_else(|| point.source.clone())?;
            let mode = if point.rw.unwrap_or(true) {
                MountMode::ReadWrite
            } else {
                MountMode::ReadOnly
            };
            asked
                .contains(path.as_str())
                .then_some((path, Mount { volume, mode }))
        })
        .collect()
}

/// The network that the container was made for, if it is still in it, else the wanted one. Further
/// networks that somebody connected are theirs.
fn network(
    host: &HostConfig,
    settings: Option<&NetworkSettings>,
    around: &Surroundings<'_>,
) -> String {
    let empty = HashMap::new();
    let connected = settings.and_then(|s| s.networks.as_ref()).unwrap_or(&empty);
    let made_for = host.network_mode.clone().unwrap_or_default();
    let wanted = around.wanted.map(|spec| spec.network.clone());
    let candidates = [Some(made_for), wanted];
    let Some((name, endpoint)) = candidates
        .into_iter()
        .flatten()
        .find_map(|name| connected.get(&name).map(|endpoint| (name, endpoint)))
    else {
        let names: BTreeSet<&str> = connected.keys().map(String::as_str).collect();
        return names.into_iter().collect::<Vec<_>>().join(",");
    };
    // Empty for a container that never ran.
    let id = endpoint.network_id.as_deref().unwrap_or_default();
    let same = id.is_empty() || around.networks.get(&name).is_none_or(|now| now == id);
    if same {
        name
    } else {
        format!("{name} as it was before somebody made it anew")
    }
}

fn published(host: &HostConfig) -> Vec<PublishedPort> {
    let mut ports: Vec<PublishedPort> = host
        .port_bindings
        .iter()
        .flatten()
        .filter_map(|(port, bindings)| {
            Some((port.split('/').next()?.parse().ok()?, bindings.as_ref()?))
        })
        .flat_map(|(container_port, bindings)| {
            bindings.iter().filter_map(move |binding| {
                Some(PublishedPort {
                    host_ip: binding.host_ip.clone().unwrap_or_default(),
                    host_port: binding.host_port.as_ref()?.parse().ok()?,
                    container_port,
                })
            })
        })
        .collect();
    ports.sort();
    ports
}

/// Newer engines write the kernel's prefix in front of them.
fn capabilities(names: Option<&[String]>) -> Vec<String> {
    names
        .unwrap_or_default()
        .iter()
        .map(|name| name.strip_prefix("CAP_").unwrap_or(name).to_owned())
        .collect()
}

pub(super) fn limits(host: &HostConfig) -> Limits {
    Limits {
        memory_bytes: set(host.memory.filter(|bytes| *bytes < MEMORY_UNLIMITED)),
        milli_cpus: milli_cpus(host),
        pids: set(host.pids_limit),
    }
}

/// Engines write zero or less for "no limit".
fn set<T: TryFrom<i64>>(limit: Option<i64>) -> Option<T> {
    limit.filter(|limit| *limit > 0)?.try_into().ok()
}

fn milli_cpus(host: &HostConfig) -> Option<u32> {
    if let Some(nanos) = set::<u64>(host.nano_cpus) {
        return u32::try_from(nanos / NANOS_PER_MILLI_CPU).ok();
    }
    let quota = set::<u64>(host.cpu_quota)?;
    let period = set(host.cpu_period).unwrap_or(CPU_PERIOD_US.unsigned_abs());
    u32::try_from(quota * 1000 / period).ok()
}

/// Without both numbers the log is the engine's own affair.
fn log(host: &HostConfig) -> Option<LogRotation> {
    let log = host.log_config.as_ref()?;
    let options = log.config.as_ref()?;
    let ours = log.typ.as_deref() == Some(LOG_DRIVER);
    ours.then_some(())?;
    Some(LogRotation {
        max_size: options.get(LOG_MAX_SIZE)?.clone(),
        max_file: options.get(LOG_MAX_FILE)?.parse().ok()?,
    })
}

fn restart(host: &HostConfig) -> RestartPolicy {
    let policy = host.restart_policy.as_ref().and_then(|policy| policy.name);
    match policy.unwrap_or(RestartPolicyNameEnum::EMPTY) {
        RestartPolicyNameEnum::EMPTY | RestartPolicyNameEnum::NO => RestartPolicy::No,
        RestartPolicyNameEnum::ALWAYS => RestartPolicy::Always,
        RestartPolicyNameEnum::UNLESS_STOPPED => RestartPolicy::UnlessStopped,
        RestartPolicyNameEnum::ON_FAILURE => RestartPolicy::OnFailure,
    }
}

fn health(config: &ContainerConfig, around: &Surroundings<'_>) -> Option<HealthCheck> {
    let own = config.healthcheck.as_ref()?;
    let check = health_check(own)?;
    let from_image = around.image.healthcheck.as_ref() == Some(own);
    let wanted = around
        .wanted
        .is_some_and(|spec| spec.health.as_ref() == Some(&check));
    (!from_image || wanted).then_some(check)
}

fn health_check(config: &HealthConfig) -> Option<HealthCheck> {
    let mut command = config.test.clone().unwrap_or_default();
    if command.is_empty() {
        return None;
    }
    if command.first().is_some_and(|word| word == "CMD") {
        command.remove(0);
    }
    let seconds = |nanos: Option<i64>| {
        u32::try_from(nanos.unwrap_or_default() / NANOS_PER_SECOND).unwrap_or_default()
    };
    Some(HealthCheck {
        command,
        interval_seconds: seconds(config.interval),
        timeout_seconds: seconds(config.timeout),
        retries: config
            .retries
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or_default(),
        start_seconds: seconds(config.start_period),
    })
}

/// Whether the container does its work. One that the engine starts again and again counts as
/// running: starting it is what the engine does already.
pub(crate) fn life(state: Option<&ContainerState>) -> Life {
    let none = ContainerState::default();
    let state = state.unwrap_or(&none);
    match state.status.unwrap_or(ContainerStateStatusEnum::EMPTY) {
        ContainerStateStatusEnum::RUNNING
        | ContainerStateStatusEnum::RESTARTING
        | ContainerStateStatusEnum::STOPPING => Life::Running,
        ContainerStateStatusEnum::CREATED => Life::Incomplete("it was never started".to_owned()),
        ContainerStateStatusEnum::REMOVING => Life::Incomplete("it is being removed".to_owned()),
        ContainerStateStatusEnum::DEAD => {
            Life::Incomplete("the engine failed to remove it".to_owned())
        }
        ContainerStateStatusEnum::PAUSED => Life::Stopped("paused".to_owned()),
        ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::EMPTY => {
            Life::Stopped(ending(state))
        }
    }
}

fn ending(state: &ContainerState) -> String {
    let mut text = format!("exited with code {}", state.exit_code.unwrap_or_default());
    if state.oom_killed == Some(true) {
        text.push_str(", out of memory");
    }
    if let Some(error) = state.error.as_ref().filter(|error| !error.is_empty()) {
        text.push_str(": ");
        text.push_str(error);
    }
    text
}
