//! The typed configuration. A value of these types is valid by itself; what depends on the world
//! (does the image exist, is the port free) is the planner's to judge.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use rivetos_types::id::{AgentName, FleetId};
use rivetos_types::secret::SecretRef;
use rivetos_types::store::Thinking;

mod deployment;
mod provider;

pub use deployment::{
    Datahub, DatahubAddress, Deploy, Deployment, Docker, DockerHost, Image, Local, PortRange,
    Resources, Target, Tls, Variant,
};
pub use provider::{Anthropic, Google, Login, Ollama, OpenaiCompat, Provider, ProviderKind, Xai};

/// Everything one file says.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `fleet:`, else `deployment.docker.project_name`, else `rivetos`.
    pub fleet: FleetId,
    /// `runtime:`
    pub runtime: Runtime,
    /// `agents:`; never empty.
    pub agents: BTreeMap<AgentName, Agent>,
    /// `providers:`, by name, a DNS label; never empty.
    pub providers: BTreeMap<String, Provider>,
    /// `channels:`
    pub channels: Channels,
    /// `memory:`
    pub memory: Memory,
    /// `telemetry:`
    pub telemetry: Telemetry,
    /// `deployment:`; absent in a file for an agent that is started by hand or was rendered.
    pub deployment: Option<Deployment>,
}

/// `runtime:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// `default_agent`: one of `agents`; may be left out when there is only one.
    pub default_agent: AgentName,
    /// `workspace`: for an agent, the folder with its prompt files, which it also works in. In a
    /// fleet's file, a folder beside the file whose Markdown files are delivered to every agent's
    /// workspace unless the agent has them already.
    pub workspace: Option<PathBuf>,
    /// `max_tool_iterations`: model requests of one turn, at least 1; default 75.
    pub max_tool_iterations: u32,
    /// `turn_timeout`, seconds: the longest turn; default 900.
    pub turn_timeout: Duration,
}

/// `agents.<name>`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// `provider`: one of `providers`.
    pub provider: String,
    /// `model`: instead of the provider's.
    pub model: Option<String>,
    /// `fallbacks`: which models answer, in this order, when the agent's own cannot.
    pub fallbacks: Vec<ModelRef>,
    /// `default_thinking`: how much its model thinks, unless a session says otherwise.
    pub thinking: Option<Thinking>,
    /// `tools`
    pub tools: Tools,
    /// `tools.policy`: which of them run, do not run, or run when a person allows it.
    pub policy: BTreeMap<Tool, Policy>,
    /// `budget`
    pub budget: Budget,
    /// `was`: the first name of an agent that was renamed; nobody else's first name, and no
    /// present agent's name.
    pub was: Option<AgentName>,
    /// `deploy:`
    pub deploy: Deploy,
}

/// A model of a provider: `provider`, or `provider:model`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelRef {
    /// One of `providers`.
    pub provider: String,
    /// Instead of the provider's own.
    pub model: Option<String>,
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, model } = self;
        match model {
            Some(model) => write!(f, "{provider}:{model}"),
            None => f.write_str(provider),
        }
    }
}

impl Agent {
    /// The providers that the agent may ask: its own first, no one twice.
    pub fn providers(&self) -> Vec<&str> {
        let mut providers = vec![self.provider.as_str()];
        for fallback in &self.fallbacks {
            if !providers.contains(&fallback.provider.as_str()) {
                providers.push(&fallback.provider);
            }
        }
        providers
    }
}

/// What may be done with a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// `allow`: it runs.
    Allow,
    /// `ask`: the owner is asked before each call.
    Ask,
    /// `deny`: it does not run.
    Deny,
}

impl Policy {
    /// Each by its word in the file.
    pub const ALL: [(&'static str, Self); 3] = [
        ("allow", Self::Allow),
        ("ask", Self::Ask),
        ("deny", Self::Deny),
    ];
}

/// `agents.<name>.budget`: what its model requests may cost. In the file the amounts are US
/// dollars; here they are millionths of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// `day`: from midnight to midnight, UTC.
    pub day_micro_usd: Option<u64>,
    /// `month`: of a calendar month, UTC.
    pub month_micro_usd: Option<u64>,
    /// `turn`: of one turn.
    pub turn_micro_usd: Option<u64>,
}

/// `agents.<name>.tools`: which of the tools the agent has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Tools {
    /// All that there are.
    #[default]
    All,
    /// `include`: these.
    Only(BTreeSet<Tool>),
    /// `exclude`: all but these.
    Without(BTreeSet<Tool>),
}

impl Tools {
    /// Whether `tool` is one of them.
    pub fn has(&self, tool: Tool) -> bool {
        match self {
            Self::All => true,
            Self::Only(tools) => tools.contains(&tool),
            Self::Without(tools) => !tools.contains(&tool),
        }
    }
}

/// A tool that agents can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// `file_edit`
    FileEdit,
    /// `file_read`
    FileRead,
    /// `file_send`
    FileSend,
    /// `file_write`
    FileWrite,
    /// `shell`
    Shell,
}

impl Tool {
    /// Each by its word in the file, which is what models call it too.
    pub const ALL: [(&'static str, Self); 5] = [
        ("file_edit", Self::FileEdit),
        ("file_read", Self::FileRead),
        ("file_send", Self::FileSend),
        ("file_write", Self::FileWrite),
        ("shell", Self::Shell),
    ];
}

/// `channels:`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Channels {
    /// `agent`: HTTP.
    pub agent: AgentChannel,
}

/// `channels.agent`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentChannel {
    /// `host`: an IP address; default 127.0.0.1.
    pub host: Option<std::net::IpAddr>,
    /// `port`; default 3100.
    pub port: Option<u16>,
    /// `secret`: the bearer token of `/api/*`; default: generated where the agent lives.
    pub secret: Option<SecretRef>,
}

/// `telemetry:`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Telemetry {
    /// `otlp`: where traces of turns go; absent: nowhere.
    pub otlp: Option<Otlp>,
}

/// `telemetry.otlp`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otlp {
    /// `endpoint`: up to and without `/v1/traces`, without `/` at the end.
    pub endpoint: String,
    /// `headers`: `NAME=VALUE` with commas in between.
    pub headers: Option<SecretRef>,
}

/// `memory:`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// `sqlite`
    pub sqlite: Sqlite,
}

/// `memory.sqlite`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sqlite {
    /// `path` of the store's file; default `.rivetos/store.db` beside the
    /// configuration.
    pub path: Option<PathBuf>,
}
