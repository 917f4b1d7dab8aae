//! The typed configuration. A value of these types is valid by itself; what depends on the world
//! (does the image exist, is the port free) is the planner's to judge.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rivetos_types::id::{AgentName, FleetId};
use rivetos_types::secret::SecretRef;

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
}

/// `providers.<name>`
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// `kind`; default: the name of the entry.
    pub kind: ProviderKind,
    /// `model`; required except for `rehearsal`.
    pub model: String,
    /// `base_url`: up to and without `/chat/completions`, without `/` at the end; required for
    /// `openai-compat`, refused for `rehearsal`.
    pub base_url: Option<String>,
    /// `api_key`: `${NAME}` or `{file: PATH}`; refused for `rehearsal`.
    pub api_key: Option<SecretRef>,
    /// `max_tokens`, at least 1.
    pub max_tokens: Option<u32>,
    /// `temperature`, 0 to 2.
    pub temperature: Option<f64>,
}

/// What a provider entry speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// `openai-compat`, also written `llama-server`: chat completions.
    OpenaiCompat,
    /// `rehearsal`: the built-in offline stand-in.
    Rehearsal,
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

/// `deployment:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// `target`
    pub target: Target,
    /// `datahub:`; absent or `postgres: false`: none. Refused with `target: local`.
    pub datahub: Option<Datahub>,
    /// `image:`
    pub image: Image,
    /// `docker:`
    pub docker: Docker,
    /// `local:`
    pub local: Local,
}

/// Where agents run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `docker`: containers of one engine.
    Docker,
    /// `local`: supervised processes of this host.
    Local,
}

/// `deployment.datahub`, with `postgres: true`, which is its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datahub {
    /// `postgres_version`: major version; default 17.
    pub postgres_version: u32,
}

/// `deployment.image`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// `agent_image`: repository of the agent's image; default `rivetos-agent`.
    pub agent_image: Option<String>,
    /// `tag` of the agent's image; default `<version>-<commit>` of the operator's tool.
    pub tag: Option<String>,
    /// `variant`: `slim` (Debian with git and curl) or `scratch` (the binary alone, no shell).
    pub variant: Variant,
    /// `datahub_image`; default `pgvector/pgvector:pg<postgres_version>`.
    pub datahub_image: Option<String>,
}

/// What the agent's image is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variant {
    /// `slim`: Debian with CA certificates, git and curl.
    #[default]
    Slim,
    /// `scratch`: the binary and CA certificates. There is no shell tool.
    Scratch,
}

/// `deployment.docker`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Docker {
    /// `host`: the engine's address, `unix://…` or `tcp://…`; default `$DOCKER_HOST`, else the
    /// local socket.
    pub host: Option<String>,
    /// `network`: name of the fleet's network; default the fleet's name.
    pub network: Option<String>,
    /// `postgres_port`: publish the datahub on 127.0.0.1 at this port; 0 or absent: not at all.
    pub postgres_port: Option<u16>,
}

/// `deployment.local`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Local {
    /// `port_range`: where the agents' ports come from; default 43100-43199.
    pub port_range: PortRange,
}

/// An inclusive range of ports, written `43100-43199`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest.
    pub first: u16,
    /// The highest; not below `first`.
    pub last: u16,
}

impl Default for PortRange {
    fn default() -> Self {
        Self {
            first: 43_100,
            last: 43_199,
        }
    }
}
