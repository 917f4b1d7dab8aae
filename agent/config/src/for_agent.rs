//! The file of one agent, out of the fleet's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rivetos_types::id::AgentName;
use rivetos_types::secret::SecretRef;

use crate::model::{Agent, AgentChannel, Channels, Config, Deploy, Memory, Runtime, Sqlite};

/// Where an agent finds its things on its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The folder that it works in.
    pub workspace: PathBuf,
    /// The file of its store.
    pub store: PathBuf,
    /// The folder with its secrets, one file each.
    pub secrets: PathBuf,
    /// The name of the file in there with the bearer token of its `/api/*`.
    pub token_file: String,
}

/// What is delivered to one agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentFiles {
    /// Its configuration: nothing of other agents, no deployment, secrets as files, and its model
    /// as its provider's.
    pub config: Config,
    /// Secrets of the operator by the name of the file that they are delivered as. The token file
    /// is among them exactly when the fleet's file gives `channels.agent.secret`; else it is for
    /// the target to generate.
    pub given: BTreeMap<String, SecretRef>,
}

impl Config {
    /// The part of this fleet that `agent` gets. `None` when the fleet has no such agent.
    pub fn for_agent(&self, agent: &AgentName, placement: &Placement) -> Option<AgentFiles> {
        let own = self.agents.get(agent)?;
        let mut provider = self.providers.get(&own.provider)?.clone();
        // The provider's model is somebody else's when the agent has its own.
        if let Some(model) = &own.model {
            provider.model.clone_from(model);
        }
        let agent_here = Agent {
            provider: own.provider.clone(),
            model: None,
            thinking: own.thinking,
            tools: own.tools.clone(),
            policy: own.policy.clone(),
            budget: own.budget,
            was: None,
            deploy: Deploy::default(),
        };
        let mut given = BTreeMap::new();
        if let Some(secret) = provider.api_key.take() {
            let file = format!("{}_api_key", own.provider);
            provider.api_key = Some(SecretRef::File(placement.secrets.join(&file)));
            given.insert(file, secret);
        }
        if let Some(secret) = &self.channels.agent.secret {
            given.insert(placement.token_file.clone(), secret.clone());
        }
        let mut telemetry = self.telemetry.clone();
        if let Some(otlp) = &mut telemetry.otlp
            && let Some(secret) = otlp.headers.take()
        {
            let file = "otlp_headers".to_owned();
            otlp.headers = Some(SecretRef::File(placement.secrets.join(&file)));
            given.insert(file, secret);
        }
        let token = SecretRef::File(placement.secrets.join(&placement.token_file));
        let config = Self {
            fleet: self.fleet.clone(),
            runtime: Runtime {
                default_agent: agent.clone(),
                workspace: Some(placement.workspace.clone()),
                max_tool_iterations: self.runtime.max_tool_iterations,
                turn_timeout: self.runtime.turn_timeout,
            },
            agents: [(agent.clone(), agent_here)].into(),
            providers: [(own.provider.clone(), provider)].into(),
            channels: Channels {
                agent: AgentChannel {
                    host: self.channels.agent.host,
                    port: self.channels.agent.port,
                    secret: Some(token),
                },
            },
            memory: Memory {
                sqlite: Sqlite {
                    path: Some(placement.store.clone()),
                },
            },
            telemetry,
            deployment: None,
        };
        Some(AgentFiles { config, given })
    }
}
