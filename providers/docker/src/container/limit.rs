//! Limits that an engine cannot keep because its kernel was set up without them. It drops them
//! with a warning when a container is made.

use std::collections::BTreeSet;

use bollard::Docker;
use bollard::models::ContainerInspectResponse;
use rivetos_fleet::model::{ContainerSpec, Limits};

use super::lift::limits;

/// What can be limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    Memory,
    Cpus,
    Pids,
}

/// Whether the container lacks a limit that is wanted.
pub(crate) fn lacks_limits(live: &ContainerInspectResponse, wanted: &ContainerSpec) -> bool {
    let now = live.host_config.as_ref().map(limits).unwrap_or_default();
    let wanted = wanted.limits;
    let lacks = |now: bool, wanted: bool| wanted && !now;
    lacks(now.memory_bytes.is_some(), wanted.memory_bytes.is_some())
        || lacks(now.milli_cpus.is_some(), wanted.milli_cpus.is_some())
        || lacks(now.pids.is_some(), wanted.pids.is_some())
}

/// What the engine cannot limit. One that does not tell is taken to limit everything.
pub(crate) async fn unlimited(docker: &Docker) -> BTreeSet<Limit> {
    let info = docker.info().await.unwrap_or_default();
    [
        (Limit::Memory, info.memory_limit),
        (Limit::Cpus, info.cpu_cfs_quota),
        (Limit::Pids, info.pids_limit),
    ]
    .into_iter()
    .filter(|(_, kept)| *kept == Some(false))
    .map(|(limit, _)| limit)
    .collect()
}

/// What the container would have if the engine could: a limit that it cannot keep counts as set.
pub(super) fn assumed(now: Limits, wanted: Limits, unlimited: &BTreeSet<Limit>) -> Limits {
    let dropped = |limit| unlimited.contains(&limit);
    Limits {
        memory_bytes: now
            .memory_bytes
            .or(wanted.memory_bytes.filter(|_| dropped(Limit::Memory))),
        milli_cpus: now
            .milli_cpus
            .or(wanted.milli_cpus.filter(|_| dropped(Limit::Cpus))),
        pids: now.pids.or(wanted.pids.filter(|_| dropped(Limit::Pids))),
    }
}
