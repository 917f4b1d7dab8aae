//! The configuration together with what it does not say, complete and ready to be laid out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use thiserror::Error;

use rivetos_config::{
    AgentFiles, AgentName, Config, Datahub, Deployment, FleetId, Placement, SecretRef, Target,
    Variant,
};

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
    pub(super) agents: BTreeMap<AgentName, AgentFiles>,
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
        for name in config.agents.keys() {
            let placement: Placement = match deployment.target {
                Target::Docker => docker::placement(),
                Target::Local => local::placement(&context.home, name),
            };
            let files = config
                .for_agent(name, &placement)
                .ok_or_else(|| ResolveError::NoProvider(name.clone()))?;
            agents.insert(name.clone(), files);
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

    /// Where its agents run.
    pub fn target(&self) -> Target {
        self.deployment.target
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

    /// The datahub's image.
    pub fn datahub_image(&self, datahub: &Datahub) -> String {
        let image = &self.deployment.image;
        image
            .datahub_image
            .clone()
            .unwrap_or_else(|| format!("pgvector/pgvector:pg{}", datahub.postgres_version))
    }
}
