//! The configuration, with every default that depends on where it was found.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rivetos_config::{Agent, Config, Environment, SecretRef, parse};
use rivetos_core::redact::Redactor;
use rivetos_protocol::DEFAULT_PORT;

use crate::error::BootError;
use crate::secrets::{Secrets, Variables};

/// What an agent needs to know before anything is opened.
pub(crate) struct Setup {
    pub(crate) config: Config,
    /// Where the configuration is; relative paths in it start here.
    pub(crate) folder: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) workspace: PathBuf,
    pub(crate) store: PathBuf,
    /// The folder of the audit log, beside the store.
    pub(crate) audit: PathBuf,
    /// The bearer token; generated when nobody gave one.
    pub(crate) token: SecretRef,
    pub(crate) token_is_ours: bool,
    /// Finds the secrets that the configuration names.
    pub(crate) secrets: Arc<Secrets>,
}

/// Whether every secret must be at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SecretsNeeded {
    All,
    Some,
}

struct Surroundings<'a> {
    variables: &'a Variables,
    needed: SecretsNeeded,
}

impl Environment for Surroundings<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.variables.get(name)
    }

    fn needs_secrets(&self) -> bool {
        self.needed == SecretsNeeded::All
    }
}

impl Setup {
    /// Reads the configuration. Nothing else is opened. `redactor` learns what must not be seen.
    pub(crate) fn read(path: &Path, redactor: Arc<Redactor>) -> Result<Self, BootError> {
        Self::read_with(path, redactor, SecretsNeeded::All)
    }

    /// The same for who needs few of the secrets: one that is not there is found out at its use.
    pub(crate) fn look_at(path: &Path) -> Result<Self, BootError> {
        Self::read_with(path, Arc::default(), SecretsNeeded::Some)
    }

    fn read_with(
        path: &Path,
        redactor: Arc<Redactor>,
        needed: SecretsNeeded,
    ) -> Result<Self, BootError> {
        let read = |source| BootError::ReadConfig {
            path: path.to_owned(),
            source,
        };
        let text = std::fs::read_to_string(path).map_err(read)?;
        let path = std::path::absolute(path).map_err(read)?;
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let variables = Variables::beside(&folder)?;
        let surroundings = Surroundings {
            variables: &variables,
            needed,
        };
        let parsed = parse(&text, &path.display().to_string(), &surroundings)
            .map_err(BootError::InvalidConfig)?;
        for warning in &parsed.warnings {
            tracing::warn!("{warning}");
        }
        let secrets = Secrets::new(folder.clone(), variables, parsed.written, redactor);
        Ok(Self::new(parsed.config, folder, secrets))
    }

    fn new(config: Config, folder: PathBuf, secrets: Secrets) -> Self {
        let from_folder = |path: &PathBuf| folder.join(path);
        let workspace = config.runtime.workspace.as_ref().map(from_folder);
        let workspace = workspace.unwrap_or_else(|| folder.join("workspace"));
        // Not in the workspace: the token is kept beside it, and the model's tools reach that far.
        let store = config.memory.sqlite.path.as_ref().map(from_folder);
        let store = store.unwrap_or_else(|| folder.join(".rivetos/store.db"));
        let audit = store.with_file_name("audit");
        let channel = &config.channels.agent;
        let host = channel.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let listen = SocketAddr::new(host, channel.port.unwrap_or(DEFAULT_PORT));
        let token = match &channel.secret {
            Some(SecretRef::File(path)) => SecretRef::File(folder.join(path)),
            Some(other @ (SecretRef::Env(_) | SecretRef::Written(_))) => other.clone(),
            None => SecretRef::File(store.with_file_name("agent_token")),
        };
        let token_is_ours = channel.secret.is_none();
        Self {
            config,
            folder,
            listen,
            workspace,
            store,
            audit,
            token,
            token_is_ours,
            secrets: Arc::new(secrets),
        }
    }

    /// The agent that this process is, with its name.
    pub(crate) fn agent(&self) -> Result<(&str, &Agent), BootError> {
        let name = &self.config.runtime.default_agent;
        let agent = self.config.agents.get(name);
        let agent = agent.ok_or_else(|| BootError::NoAgent(name.to_string()))?;
        Ok((name.as_str(), agent))
    }

    /// The folder of the store and of what else the agent keeps for itself.
    pub(crate) fn data(&self) -> &Path {
        self.store.parent().unwrap_or(&self.folder)
    }

    /// Where processes of this machine reach the agent.
    pub(crate) fn own_address(&self) -> SocketAddr {
        let ip = match self.listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
            ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
        };
        SocketAddr::new(ip, self.listen.port())
    }
}
