//! What should be, on whichever target.

use std::collections::{BTreeMap, BTreeSet};

use rivetos_config::{AgentFiles, FleetId, SecretRef};

use crate::model::{
    Desired, DesiredSet, FileContent, Kind, Layout, ResourceId, Spec, TargetId, Uid,
};

use super::resolve::FleetSpec;
use super::{datahub, docker, local};

/// The name of the agent's configuration within its files.
pub(super) const CONFIG_FILE: &str = "rivet.config.yaml";
/// The file with the bearer token of the agent's own `/api/*`.
pub(super) const TOKEN_FILE: &str = "agent_token";

/// Lays the fleet out on its targets.
///
/// A pure function of the spec: the order of the configuration means nothing, and changing one
/// agent changes the resources of that agent only.
pub fn desired(spec: &FleetSpec) -> Layout {
    let mut layout: Layout = spec
        .targets()
        .into_iter()
        .map(|target| {
            let resources = if target == TargetId::local() {
                local::resources(spec)
            } else {
                docker::resources(spec, &target)
            };
            let set = DesiredSet {
                fleet: spec.fleet.clone(),
                resources: resources
                    .into_iter()
                    .map(|desired| (desired.id.clone(), desired))
                    .collect(),
                port_range: spec.deployment.local.port_range,
            };
            (target, set)
        })
        .collect();
    datahub::add_far_roles(spec, &mut layout);
    layout
}

/// The resource `id` of `fleet`, which came to it under the name `born`.
pub(super) fn resource(
    fleet: &FleetId,
    (id, born): (ResourceId, &str),
    spec: Spec,
    after: impl IntoIterator<Item = ResourceId>,
) -> Desired {
    let after: BTreeSet<ResourceId> = after.into_iter().collect();
    Desired {
        uid: Uid::derive(fleet, &ResourceId::new(id.kind, born)),
        id,
        spec,
        after,
    }
}

pub(super) fn id(kind: Kind, name: &(impl ToString + ?Sized)) -> ResourceId {
    ResourceId::new(kind, name.to_string())
}

/// The files of an agent's configuration: its part of the fleet's file, and the prompt files that
/// its workspace starts with.
pub(super) fn config_files(spec: &FleetSpec, agent: &AgentFiles) -> BTreeMap<String, FileContent> {
    let mut files: BTreeMap<String, FileContent> = spec
        .context
        .seed
        .iter()
        .map(|(path, text)| {
            (
                format!("workspace/{path}"),
                FileContent::Text { text: text.clone() },
            )
        })
        .collect();
    files.insert(
        CONFIG_FILE.to_owned(),
        FileContent::Text {
            text: agent.config.to_yaml(),
        },
    );
    files
}

/// A file with what the operator gives.
pub(super) fn given(spec: &FleetSpec, secret: &SecretRef) -> FileContent {
    FileContent::Given {
        secret: secret.clone(),
        digest: spec.context.digests.get(secret).cloned(),
    }
}

/// The secret files of an agent: those the operator gives, and a token of its own unless one is
/// given.
pub(super) fn secret_files(spec: &FleetSpec, agent: &AgentFiles) -> BTreeMap<String, FileContent> {
    let mut files = BTreeMap::from([(TOKEN_FILE.to_owned(), FileContent::Generated)]);
    files.extend(
        agent
            .given
            .iter()
            .map(|(name, secret)| (name.clone(), given(spec, secret))),
    );
    files
}
