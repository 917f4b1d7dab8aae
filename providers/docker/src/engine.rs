//! The connection to an engine.

use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use thiserror::Error;

/// Where an engine listens unless somebody says otherwise.
const LOCAL_SOCKET: &str = "unix:///var/run/docker.sock";

/// The oldest API that has all we ask for (engine 20.10).
const API_OLDEST: (usize, usize) = (1, 41);

/// How long an engine may take to say who it is.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a call may take until its answer begins, in seconds. Stopping a container takes up to
/// its grace.
const CALL_TIMEOUT_S: u64 = 600;

/// A connection to an engine that answers and is new enough.
#[derive(Debug, Clone)]
pub struct DockerEngine {
    pub(crate) docker: Docker,
    pub(crate) host: String,
    pub(crate) architecture: String,
    pub(crate) api: (usize, usize),
}

impl DockerEngine {
    /// Connects to the engine at `host` (`unix://…`, `tcp://…`; `None`: the local socket) and
    /// agrees with it on a version of the API. Takes at most 3 s.
    pub async fn connect(host: Option<&str>) -> Result<Self, ConnectError> {
        let host = host.unwrap_or(LOCAL_SOCKET);
        let docker = client(host)?;
        let greeting = async {
            let docker = docker.negotiate_version().await?;
            let version = docker.version().await?;
            Ok::<_, bollard::errors::Error>((docker, version))
        };
        let (docker, version) = match tokio::time::timeout(CONNECT_TIMEOUT, greeting).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(source)) => {
                return Err(ConnectError::NoEngine {
                    host: host.to_owned(),
                    source: Some(source),
                });
            }
            Err(_) => {
                return Err(ConnectError::NoEngine {
                    host: host.to_owned(),
                    source: None,
                });
            }
        };
        let agreed = docker.client_version();
        let api = (agreed.major_version, agreed.minor_version);
        if api < API_OLDEST {
            return Err(ConnectError::TooOld {
                host: host.to_owned(),
                version: version.version.unwrap_or_else(|| "unknown".to_owned()),
                api: format!("{}.{}", api.0, api.1),
            });
        }
        Ok(Self {
            docker,
            host: host.to_owned(),
            architecture: version.arch.unwrap_or_default(),
            api,
        })
    }

    /// The address that was connected to.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The engine's architecture as images name it, for example `amd64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Whether the engine has an image of this name.
    pub async fn has_image(&self, reference: &str) -> bool {
        self.docker.inspect_image(reference).await.is_ok()
    }

    /// Whether the engine can reach a registry that has an image of this name. Pulls nothing.
    pub async fn can_pull(&self, reference: &str) -> bool {
        self.docker
            .inspect_registry_image(reference, None)
            .await
            .is_ok()
    }
}

fn client(host: &str) -> Result<Docker, ConnectError> {
    let made = if host.starts_with("unix://") {
        Docker::connect_with_unix(host, CALL_TIMEOUT_S, API_DEFAULT_VERSION)
    } else if host.starts_with("tcp://") || host.starts_with("http://") {
        Docker::connect_with_http(host, CALL_TIMEOUT_S, API_DEFAULT_VERSION)
    } else {
        return Err(ConnectError::BadAddress {
            host: host.to_owned(),
        });
    };
    made.map_err(|source| ConnectError::NoEngine {
        host: host.to_owned(),
        source: Some(source),
    })
}

/// Why there is no engine to work with.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The address is of a kind that we do not speak.
    #[error("`{host}` is not the address of a Docker engine")]
    BadAddress {
        /// What was given.
        host: String,
    },
    /// Nobody answers there.
    #[error("no Docker engine at {host}")]
    NoEngine {
        /// Where it was looked for.
        host: String,
        /// What the system said; absent when nothing came back in time.
        source: Option<bollard::errors::Error>,
    },
    /// It answers but is too old.
    #[error("the Docker engine at {host} is too old: version {version}, API {api}")]
    TooOld {
        /// Where it is.
        host: String,
        /// Its version.
        version: String,
        /// The newest API that it speaks.
        api: String,
    },
}

impl ConnectError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::BadAddress { .. } => {
                "write `unix:///path/to/docker.sock` or `tcp://host:port` in \
                 `deployment.docker.host` or DOCKER_HOST"
            }
            Self::NoEngine { .. } => {
                "start Docker, see that you may use its socket, or name another engine in \
                 `deployment.docker.host` or DOCKER_HOST; `target: local` needs no engine"
            }
            Self::TooOld { .. } => "update Docker to 20.10 or newer",
        }
    }
}
