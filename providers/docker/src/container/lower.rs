//! Spec to the engine's words.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::models::{
    ContainerCreateBody, ContainerUpdateBody, EndpointSettings, HealthConfig, HostConfig,
    HostConfigLogConfig, Mount, MountType, NetworkingConfig, PortBinding, RestartPolicy,
    RestartPolicyNameEnum,
};
use rivetos_fleet::model::{self, ContainerSpec, HealthCheck, Limits, LogRotation, MountMode};

const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// The kernel's own default, in microseconds.
pub(super) const CPU_PERIOD_US: i64 = 100_000;

/// Engines cannot take a limit on memory back; this one no machine reaches, in bytes.
pub(super) const MEMORY_UNLIMITED: i64 = 1 << 60;
pub(super) const NANOS_PER_MILLI_CPU: u64 = 1_000_000;

pub(super) const LOG_DRIVER: &str = "json-file";
pub(super) const LOG_MAX_SIZE: &str = "max-size";
pub(super) const LOG_MAX_FILE: &str = "max-file";

/// What to ask the engine for. The container is named by its tag; that the tag still means the
/// planned image is checked on the container that came of it.
pub(crate) fn create_body(
    spec: &ContainerSpec,
    labels: BTreeMap<String, String>,
) -> ContainerCreateBody {
    ContainerCreateBody {
        hostname: Some(spec.hostname.clone()),
        image: Some(spec.image.clone()),
        cmd: (!spec.command.is_empty()).then(|| spec.command.clone()),
        env: Some(
            spec.env
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
        ),
        user: spec.user.clone(),
        labels: Some(labels.into_iter().collect()),
        stop_timeout: Some(i64::from(spec.stop_grace_seconds)),
        healthcheck: spec.health.as_ref().map(health),
        exposed_ports: Some(
            spec.published
                .iter()
                .map(|port| tcp(port.container_port))
                .collect(),
        ),
        host_config: Some(host_config(spec)),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(spec.network.clone(), endpoint(spec))])),
        }),
        ..ContainerCreateBody::default()
    }
}

/// The container in its network: others reach it by its host name.
pub(crate) fn endpoint(spec: &ContainerSpec) -> EndpointSettings {
    EndpointSettings {
        aliases: Some(vec![spec.hostname.clone()]),
        ..EndpointSettings::default()
    }
}

/// What to ask the engine for so that a container that is there becomes as described in the
/// `changed` fields. `None` when none of them can be had in this way.
pub(crate) fn update_body(
    spec: &ContainerSpec,
    live: Option<&HostConfig>,
    changed: &BTreeSet<&str>,
) -> Option<ContainerUpdateBody> {
    let wanted = limits(&spec.limits);
    let mut body = ContainerUpdateBody::default();
    if changed.contains("memory") {
        body.memory = wanted.memory.or(Some(MEMORY_UNLIMITED));
        body.memory_swap = body.memory;
    }
    if changed.contains("cpus") {
        // The engine takes a limit only in the form in which there is one.
        let in_nanos = live.and_then(|host| host.nano_cpus).unwrap_or_default() > 0;
        if in_nanos {
            let milli = spec.limits.milli_cpus.map(i64::from);
            body.nano_cpus = milli.map(|milli| milli * NANOS_PER_MILLI_CPU.cast_signed());
        } else {
            body.cpu_period = wanted.cpu_period;
            body.cpu_quota = wanted.cpu_quota.or(Some(-1));
        }
    }
    if changed.contains("pids") {
        body.pids_limit = wanted.pids_limit.or(Some(-1));
    }
    if changed.contains("restart") {
        body.restart_policy = Some(restart_policy(spec));
    }
    (body != ContainerUpdateBody::default()).then_some(body)
}

fn restart_policy(spec: &ContainerSpec) -> RestartPolicy {
    RestartPolicy {
        name: Some(restart(spec.restart)),
        maximum_retry_count: None,
    }
}

fn host_config(spec: &ContainerSpec) -> HostConfig {
    HostConfig {
        init: Some(spec.init),
        readonly_rootfs: Some(spec.read_only_root),
        tmpfs: Some(spec.tmpfs.clone().into_iter().collect()),
        mounts: Some(
            spec.mounts
                .iter()
                .map(|(path, mount)| volume(path, mount))
                .collect(),
        ),
        network_mode: Some(spec.network.clone()),
        port_bindings: Some(bindings(spec)),
        cap_drop: Some(spec.cap_drop.clone()),
        cap_add: Some(spec.cap_add.clone()),
        security_opt: Some(spec.security_opt.clone()),
        restart_policy: Some(restart_policy(spec)),
        log_config: spec.log.as_ref().map(log),
        ..limits(&spec.limits)
    }
}

/// Processor time is given as a share of each period: engines refuse whole processors that their
/// host does not have.
fn limits(limits: &Limits) -> HostConfig {
    let memory = limits.memory_bytes.map(u64::cast_signed);
    HostConfig {
        memory,
        // Both together, so nothing beyond the memory itself.
        memory_swap: memory,
        cpu_period: limits.milli_cpus.map(|_| CPU_PERIOD_US),
        cpu_quota: limits
            .milli_cpus
            .map(|milli| i64::from(milli) * CPU_PERIOD_US / 1000),
        pids_limit: limits.pids.map(i64::from),
        ..HostConfig::default()
    }
}

fn log(log: &LogRotation) -> HostConfigLogConfig {
    HostConfigLogConfig {
        typ: Some(LOG_DRIVER.to_owned()),
        config: Some(HashMap::from([
            (LOG_MAX_SIZE.to_owned(), log.max_size.clone()),
            (LOG_MAX_FILE.to_owned(), log.max_file.to_string()),
        ])),
    }
}

fn restart(policy: model::RestartPolicy) -> RestartPolicyNameEnum {
    match policy {
        model::RestartPolicy::No => RestartPolicyNameEnum::NO,
        model::RestartPolicy::Always => RestartPolicyNameEnum::ALWAYS,
        model::RestartPolicy::UnlessStopped => RestartPolicyNameEnum::UNLESS_STOPPED,
        model::RestartPolicy::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
    }
}

fn volume(path: &str, mount: &model::Mount) -> Mount {
    Mount {
        target: Some(path.to_owned()),
        source: Some(mount.volume.clone()),
        typ: Some(MountType::VOLUME),
        read_only: Some(mount.mode == MountMode::ReadOnly),
        ..Mount::default()
    }
}

fn bindings(spec: &ContainerSpec) -> HashMap<String, Option<Vec<PortBinding>>> {
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in &spec.published {
        bindings
            .entry(tcp(port.container_port))
            .or_default()
            .get_or_insert_default()
            .push(PortBinding {
                host_ip: Some(port.host_ip.clone()),
                host_port: Some(port.host_port.to_string()),
            });
    }
    bindings
}

fn tcp(port: u16) -> String {
    format!("{port}/tcp")
}

fn health(check: &HealthCheck) -> HealthConfig {
    let nanos = |seconds: u32| Some(i64::from(seconds) * NANOS_PER_SECOND);
    let mut test = vec!["CMD".to_owned()];
    test.extend(check.command.iter().cloned());
    HealthConfig {
        test: Some(test),
        interval: nanos(check.interval_seconds),
        timeout: nanos(check.timeout_seconds),
        retries: Some(i64::from(check.retries)),
        start_period: nanos(check.start_seconds),
        start_interval: None,
    }
}
