//! The file of one agent, out of the fleet's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rivetos_types::id::AgentName;
use rivetos_types::secret::SecretRef;

use crate::model::{
    Agent, AgentChannel, Channels, Config, Deploy, Memory, ModelRef, Provider, Runtime, Sqlite,
};

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
    /// Its configuration: nothing of other agents, no provider that it does not use, no deployment,
    /// secrets as files, and its model as its provider's.
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
        let mut given = BTreeMap::new();
        let mut providers = BTreeMap::new();
        for name in own.providers() {
            let mut provider = self.providers.get(name)?.clone();
            deliver_secrets(name, &mut provider, placement, &mut given);
            providers.insert(name.to_owned(), provider);
        }
        let agent_here = Agent {
            was: None,
            deploy: Deploy::default(),
            model: own_model(own, &mut providers),
            ..own.clone()
        };
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
            providers,
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

/// The model of `own` becomes its provider's: the provider's is somebody else's when the agent has
/// its own. Where a fallback asks for that one, both stay; the agent's is returned then.
fn own_model(own: &Agent, providers: &mut BTreeMap<String, Provider>) -> Option<String> {
    let model = own.model.clone()?;
    let needed =
        |fallback: &ModelRef| fallback.provider == own.provider && fallback.model.is_none();
    if own.fallbacks.iter().any(needed) {
        return Some(model);
    }
    if let Some(provider) = providers.get_mut(&own.provider) {
        provider.model = model;
    }
    None
}

/// Puts files in the place of the secrets of the provider `name`.
fn deliver_secrets(
    name: &str,
    provider: &mut Provider,
    placement: &Placement,
    given: &mut BTreeMap<String, SecretRef>,
) {
    if let Some(secret) = provider.api_key.take() {
        let file = format!("{name}_api_key");
        provider.api_key = Some(SecretRef::File(placement.secrets.join(&file)));
        given.insert(file, secret);
    }
    if let Some(login) = provider.login_mut() {
        let file = format!("{name}_login");
        let delivered = placement.secrets.join(&file);
        let kept = std::mem::replace(&mut login.token_file, delivered);
        given.insert(file, SecretRef::File(kept));
    }
}
