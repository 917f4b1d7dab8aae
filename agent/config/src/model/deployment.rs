//! `deployment:`, and an agent's own part of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use rivetos_types::id::HostName;

/// `deployment:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// `target` of every agent that has no own.
    pub target: Target,
    /// `datahub:`; absent or `postgres: false`: none. Refused when no agent is on Docker.
    pub datahub: Option<Datahub>,
    /// `image:`
    pub image: Image,
    /// `docker:`
    pub docker: Docker,
    /// `local:`
    pub local: Local,
}

/// Where agents run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// `docker`: containers.
    Docker,
    /// `local`: supervised processes of this host.
    Local,
}

/// `deployment.datahub`, with `postgres: true`, which is its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datahub {
    /// `postgres_version`: major version; default 17.
    pub postgres_version: u32,
    /// `protect`: its data is only deleted when that is asked for by name; default `false`.
    pub protect: bool,
    /// `resources:` of its container.
    pub resources: Resources,
    /// `address`, `bind` and `tls`; absent: agents on other targets cannot reach it.
    pub address: Option<DatahubAddress>,
}

/// Where agents on other targets than the datahub's find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatahubAddress {
    /// The host of `address`: a name, or an IP address without brackets.
    pub host: String,
    /// The port of `address`, which is published too.
    pub port: u16,
    /// `bind`: the address of the engine's host to publish on; default the host of `address`.
    pub bind: IpAddr,
    /// `tls`: the datahub's certificate and key, and what agents check it against.
    pub tls: Tls,
}

impl DatahubAddress {
    /// As in the configuration: `HOST:PORT`.
    pub fn place(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }

    /// Whether only processes of the host that connects would be found there.
    pub fn is_loopback(&self) -> bool {
        let ip: Option<IpAddr> = self.host.parse().ok();
        ip.map_or(self.host == "localhost", |ip| ip.is_loopback())
    }
}

/// `deployment.image`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// `registry`: stands before `agent_image`, as in `registry.example:5000/team`.
    pub registry: Option<String>,
    /// `agent_image`: repository of the agent's image; default `rivetos-agent`.
    pub agent_image: Option<String>,
    /// `tag` of the agent's image; default `<version>-<commit>` of the operator's tool.
    pub tag: Option<String>,
    /// `variant`: `slim` (Debian with git and curl) or `scratch` (the binary alone, no shell).
    pub variant: Variant,
    /// `datahub_image`; default `pgvector/pgvector:pg<postgres_version>`.
    pub datahub_image: Option<String>,
}

impl Image {
    /// The agent's image without its tag.
    pub fn agent_repository(&self) -> String {
        let name = self.agent_image.as_deref().unwrap_or("rivetos-agent");
        match &self.registry {
            Some(registry) => format!("{registry}/{name}"),
            None => name.to_owned(),
        }
    }
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
    /// `host`: the engine's address, `unix://…`, `tcp://…` or `ssh://…`; default `$DOCKER_HOST`,
    /// else the local socket.
    pub host: Option<String>,
    /// `tls`: only with a `host` of `tcp://…`.
    pub tls: Option<Tls>,
    /// `hosts`: more engines, by the name that an agent's `deploy.host` calls them.
    pub hosts: BTreeMap<HostName, DockerHost>,
    /// `network`: name of the fleet's network; default the fleet's name.
    pub network: Option<String>,
    /// `postgres_port`: publish the datahub on 127.0.0.1 at this port; 0 or absent: not at all.
    pub postgres_port: Option<u16>,
    /// `resources`: what each agent's container may use unless its own `deploy.resources` says
    /// otherwise.
    pub resources: Resources,
}

/// `deployment.docker.hosts.<name>`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerHost {
    /// `host`: the engine's address; required.
    pub host: String,
    /// `tls`: only with a `host` of `tcp://…`.
    pub tls: Option<Tls>,
}

/// `tls` of an engine or of the datahub; a relative path starts at the folder of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// `ca`: certificates that the other side's must come from; for the datahub those that its own
    /// is checked against.
    pub ca: PathBuf,
    /// `cert`: the certificate of this side: the operator's, or the datahub's.
    pub cert: PathBuf,
    /// `key`: its private key.
    pub key: PathBuf,
}

/// `deploy.resources` of an agent, `deployment.docker.resources` and `deployment.datahub.resources`:
/// the most that a container may
/// use. What both leave out is the planner's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resources {
    /// `memory`: bytes, or written like `512m` and `1g`.
    pub memory_bytes: Option<u64>,
    /// `cpus`, in thousandths: `1.5` is 1500.
    pub milli_cpus: Option<u32>,
    /// `pids`: processes and threads.
    pub pids: Option<u32>,
}

/// `agents.<name>.deploy`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deploy {
    /// `target`; default `deployment.target`.
    pub target: Option<Target>,
    /// `host`: one of `deployment.docker.hosts`; default `deployment.docker.host`. Refused with
    /// `target: local`, as are `resources` and `image`.
    pub host: Option<HostName>,
    /// `resources:`
    pub resources: Resources,
    /// `image`: with its tag, instead of the fleet's.
    pub image: Option<String>,
    /// `protect`: its data is only deleted when that is asked for by name; default `false`.
    pub protect: bool,
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
