//! The typed configuration. A value of these types is valid by itself; what depends on the world
//! (does the image exist, is the port free) is the planner's to judge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use rivetos_types::id::{AgentName, FleetId};
use rivetos_types::secret::SecretRef;
use rivetos_types::settings::KeepAlive;
use rivetos_types::store::Thinking;

mod deployment;

pub use deployment::{
    Datahub, DatahubAddress, Deploy, Deployment, Docker, DockerHost, Image, Local, PortRange,
    Resources, Target, Tls, Variant,
};

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

/// `providers.<name>`
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// `kind`; default: the name of the entry.
    pub kind: ProviderKind,
    /// `model`; required except for `rehearsal`.
    pub model: String,
    /// `base_url`: up to and without the path of the API, without `/` at the end; required for
    /// `openai-compat`, refused for `rehearsal`, else by default the vendor's own.
    pub base_url: Option<String>,
    /// `api_key`: `${NAME}` or `{file: PATH}`; required for `anthropic`, `google` and `xai`,
    /// refused for `rehearsal`.
    pub api_key: Option<SecretRef>,
    /// `max_tokens`, at least 1.
    pub max_tokens: Option<u32>,
    /// `context_window`: what the model can read at once, answer included, in tokens.
    pub context_window: Option<u32>,
    /// `temperature`, 0 to 2.
    pub temperature: Option<f64>,
    /// `top_p`, 0 to 1.
    pub top_p: Option<f64>,
    /// `repeat_penalty`, 0 to 2; llama.cpp and its relatives know it. Only for `openai-compat`.
    pub repeat_penalty: Option<f64>,
    /// `num_ctx`: tokens that the server makes room for. Only for `ollama`.
    pub num_ctx: Option<u32>,
    /// `keep_alive`: how long the server keeps the model in memory. Only for `ollama`.
    pub keep_alive: Option<KeepAlive>,
}

/// What a provider entry speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// `anthropic`: the Messages API.
    Anthropic,
    /// `google`: the Gemini API.
    Google,
    /// `ollama`: a server of Ollama.
    Ollama,
    /// `openai-compat`, also written `llama-server`: chat completions.
    OpenaiCompat,
    /// `rehearsal`: the built-in offline stand-in.
    Rehearsal,
    /// `xai`: the Responses API.
    Xai,
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
