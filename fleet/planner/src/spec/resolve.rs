//! The configuration together with what it does not say, complete and ready to be laid out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use thiserror::Error;

use rivetos_config::{
    AgentFiles, AgentName, Config, Datahub, DatahubAddress, Deployment, FleetId, HostName,
    Placement, Resources, SecretRef, Target, Variant,
};

use crate::model::{Protection, TargetId};

use super::{docker, local};

/// What the configuration does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// What the operator's tool was built from; the default tag of the agent's image.
    pub build: BuildInfo,
    /// The fleet's folder on this host; absolute. Agents of the local target live below it.
    pub home: PathBuf,
    /// The agent's program on this host; the local target is blocked without it.
    pub program: Option<Program>,
    /// Markdown files for every agent's workspace, by path relative to it.
    pub seed: BTreeMap<String, String>,
    /// [`crate::FleetKey::digest`] of each secret whose value is at hand.
    pub digests: BTreeMap<SecretRef, String>,
}

/// What a program was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildInfo {
    /// Its version.
    pub version: String,
    /// The first 12 hex digits of its source commit.
    pub commit: String,
}

/// A program of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Where it is; absolute.
    pub path: PathBuf,
    /// SHA-256 of it, 16 hex digits.
    pub digest: String,
}

/// One fleet, complete: every default is filled in and nothing depends on a target yet.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetSpec {
    pub(super) fleet: FleetId,
    pub(super) deployment: Deployment,
    pub(super) context: Context,
    pub(super) agents: BTreeMap<AgentName, AgentSpec>,
}

/// One agent of the fleet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AgentSpec {
    /// What is delivered to it.
    pub(super) files: AgentFiles,
    /// Where it runs.
    pub(super) target: TargetId,
    /// The name that it came to the fleet with: its identity, and the name of its data.
    pub(super) born: AgentName,
    /// What it may use.
    pub(super) resources: Resources,
    /// Its own image, with its tag.
    pub(super) image: Option<String>,
    /// Whether its data may be removed.
    pub(super) protection: Protection,
}

/// How an agent comes to the datahub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach<'a> {
    /// Not at all: there is none, or none that can be reached.
    Never,
    /// It is beside it.
    Near,
    /// Over the network.
    Far(&'a DatahubAddress),
}

/// Why a configuration does not describe a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// It is the file of one agent.
    #[error("the configuration has no `deployment` section, so it describes no fleet")]
    NoDeployment,
    /// An agent's provider is not in the configuration. Parsing does not let that through.
    #[error("the provider of agent `{0}` is not in the configuration")]
    NoProvider(AgentName),
}

impl FleetSpec {
    /// Completes `config` with `context`.
    pub fn resolve(config: &Config, context: Context) -> Result<Self, ResolveError> {
        let deployment = config
            .deployment
            .clone()
            .ok_or(ResolveError::NoDeployment)?;
        let mut agents = BTreeMap::new();
        for (name, agent) in &config.agents {
            let born = agent.was.as_ref().unwrap_or(name);
            let kind = agent.deploy.target.unwrap_or(deployment.target);
            let placement: Placement = match kind {
                Target::Docker => docker::placement(),
                Target::Local => local::placement(&context.home, born),
            };
            let files = config
                .for_agent(name, &placement)
                .ok_or_else(|| ResolveError::NoProvider(name.clone()))?;
            let host = agent.deploy.host.as_ref().map(HostName::as_str);
            let spec = AgentSpec {
                files,
                target: match kind {
                    Target::Docker => TargetId::docker(host),
                    Target::Local => TargetId::local(),
                },
                born: born.clone(),
                resources: or_default(agent.deploy.resources, deployment.docker.resources),
                image: agent.deploy.image.clone(),
                protection: protection(agent.deploy.protect),
            };
            agents.insert(name.clone(), spec);
        }
        Ok(Self {
            fleet: config.fleet.clone(),
            deployment,
            context,
            agents,
        })
    }

    /// The fleet.
    pub fn fleet(&self) -> &FleetId {
        &self.fleet
    }

    /// The providers of `agent` that it has a login for, each with what the login is delivered from.
    pub(crate) fn logins_of(&self, agent: &AgentName) -> impl Iterator<Item = (&str, &SecretRef)> {
        let agent = self.agents.get(agent).into_iter();
        let files = agent.map(|agent| &agent.files);
        files.flat_map(|files| {
            let providers = files.config.providers.iter();
            providers.filter_map(|(name, provider)| {
                let delivered = provider.login()?.token_file.file_name()?.to_str()?;
                Some((name.as_str(), files.given.get(delivered)?))
            })
        })
    }

    /// Where agents run that have no target of their own.
    pub fn target(&self) -> Target {
        self.deployment.target
    }

    /// Every target of the fleet: those of its agents, its datahub's, and wherever agents may have
    /// been before: the default one, and every engine that the configuration names.
    pub fn targets(&self) -> BTreeSet<TargetId> {
        let of_agents = self.agents.values().map(|agent| agent.target.clone());
        let named = self.deployment.docker.hosts.keys();
        let mut targets: BTreeSet<TargetId> = of_agents
            .chain(named.map(|host| TargetId::docker(Some(host.as_str()))))
            .collect();
        targets.insert(match self.deployment.target {
            Target::Docker => TargetId::docker(None),
            Target::Local => TargetId::local(),
        });
        if self.deployment.datahub.is_some() {
            targets.insert(datahub_target());
        }
        targets
    }

    /// How `agent` comes to the datahub.
    pub(super) fn reach(&self, agent: &AgentSpec) -> Reach<'_> {
        match &self.deployment.datahub {
            None => Reach::Never,
            Some(_) if agent.target == datahub_target() => Reach::Near,
            Some(datahub) => datahub.address.as_ref().map_or(Reach::Never, Reach::Far),
        }
    }

    /// What `agent` may use, as far as the configuration says it.
    pub(crate) fn resources_of(&self, agent: &AgentName) -> Resources {
        self.agents
            .get(agent)
            .map(|agent| agent.resources)
            .unwrap_or_default()
    }

    /// Where `agent` runs.
    pub fn target_of(&self, agent: &AgentName) -> Option<&TargetId> {
        self.agents.get(agent).map(|agent| &agent.target)
    }

    /// What it was laid out from besides its context.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Its agents, in order.
    pub fn agents(&self) -> impl ExactSizeIterator<Item = &AgentName> {
        self.agents.keys()
    }

    /// The agents' image on container targets, as `repository:tag`. The default tag names version
    /// and commit, so that it never means something else later.
    pub fn agent_image(&self) -> String {
        let image = &self.deployment.image;
        let repository = image.agent_repository();
        if let Some(tag) = &image.tag {
            return format!("{repository}:{tag}");
        }
        let BuildInfo { version, commit } = &self.context.build;
        let suffix = match image.variant {
            Variant::Slim => "",
            Variant::Scratch => "-scratch",
        };
        format!("{repository}:{version}-{commit}{suffix}")
    }

    /// The image of one agent's container: its own, or the fleet's.
    pub(super) fn image_of(&self, agent: &AgentSpec) -> String {
        agent.image.clone().unwrap_or_else(|| self.agent_image())
    }

    /// The datahub's image.
    pub fn datahub_image(&self, datahub: &Datahub) -> String {
        let image = &self.deployment.image;
        image
            .datahub_image
            .clone()
            .unwrap_or_else(|| format!("pgvector/pgvector:pg{}", datahub.postgres_version))
    }
}

/// The datahub lives on the fleet's default engine.
pub(crate) fn datahub_target() -> TargetId {
    TargetId::docker(None)
}

pub(super) fn protection(protect: bool) -> Protection {
    if protect {
        Protection::Protected
    } else {
        Protection::None
    }
}

fn or_default(own: Resources, fleet: Resources) -> Resources {
    Resources {
        memory_bytes: own.memory_bytes.or(fleet.memory_bytes),
        milli_cpus: own.milli_cpus.or(fleet.milli_cpus),
        pids: own.pids.or(fleet.pids),
    }
}
