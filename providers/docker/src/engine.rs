//! The connection to an engine.

mod address;
mod ssh;
mod tls;
mod transport;

use std::path::PathBuf;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker};
use thiserror::Error;

pub use address::{EngineAddress, TlsFiles};

use address::Route;
use ssh::Ssh;
use tls::Tls;
use transport::Dial;

/// The oldest API that has all we ask for (engine 20.10).
const API_OLDEST: (usize, usize) = (1, 41);

/// How long an engine may take to say who it is. One on a busy host takes seconds: it runs its
/// helper programs to ask for their versions.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The same over `ssh`, which has its own greetings to exchange.
const SSH_TIMEOUT: Duration = Duration::from_secs(15);

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
    /// Connects to the engine at `address` and agrees with it on a version of the API. Takes at
    /// most 10 s, over `ssh` 15 s.
    pub async fn connect(address: &EngineAddress) -> Result<Self, ConnectError> {
        let host = address.host.as_str();
        let route = address.route()?;
        let at_most = match route {
            Route::Unix | Route::Tcp { .. } | Route::Tls { .. } => CONNECT_TIMEOUT,
            Route::Ssh { .. } => SSH_TIMEOUT,
        };
        let docker = client(host, route)?;
        let greeting = async {
            let docker = docker.negotiate_version().await?;
            let version = docker.version().await?;
            Ok::<_, bollard::errors::Error>((docker, version))
        };
        let (docker, version) = match tokio::time::timeout(at_most, greeting).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(source)) => {
                return Err(ConnectError::NoEngine {
                    host: host.to_owned(),
                    source,
                });
            }
            Err(_) => {
                return Err(ConnectError::Silent {
                    host: host.to_owned(),
                    after: at_most,
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

    /// What tells this engine from every other one, whatever it is called; `None`: it does not say.
    /// Hosts that were copied whole have one id, so their names count too; engines of one host share
    /// it up to version 20.10, and have their data in different places.
    pub async fn identity(&self) -> Result<Option<String>, ConnectError> {
        let said = self.docker.info().await;
        let info = said.map_err(|source| ConnectError::NoEngine {
            host: self.host.clone(),
            source,
        })?;
        let name = info.name.unwrap_or_default();
        let data = info.docker_root_dir.unwrap_or_default();
        Ok(info.id.map(|id| format!("{id} {name} {data}")))
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

fn client(host: &str, route: Route) -> Result<Docker, ConnectError> {
    let made = match route {
        Route::Unix => Docker::connect_with_unix(host, CALL_TIMEOUT_S, API_DEFAULT_VERSION),
        Route::Tcp { .. } => Docker::connect_with_http(host, CALL_TIMEOUT_S, API_DEFAULT_VERSION),
        Route::Tls { host, port, files } => {
            let tls = Tls::new(host, port, &files)?;
            transport::client(Dial::Tls(Box::new(tls)), CALL_TIMEOUT_S)
        }
        Route::Ssh { user, host, port } => {
            transport::client(Dial::Ssh(Ssh { user, host, port }), CALL_TIMEOUT_S)
        }
    };
    made.map_err(|source| ConnectError::NoEngine {
        host: host.to_owned(),
        source,
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
    /// A file that proves who the two sides are is of no use.
    #[error("`{}` cannot be used: {why}", path.display())]
    Certificate {
        /// Which one.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Nobody answers there.
    #[error("no Docker engine at {host}")]
    NoEngine {
        /// Where it was looked for.
        host: String,
        /// What the system said.
        source: bollard::errors::Error,
    },
    /// Something may be there but says nothing.
    #[error("the Docker engine at {host} did not answer within {} s", after.as_secs())]
    Silent {
        /// Where it was looked for.
        host: String,
        /// How long.
        after: Duration,
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
                "write `unix:///path/to/docker.sock`, `tcp://host:port` or `ssh://user@host` in \
                 `deployment.docker.host` or DOCKER_HOST"
            }
            Self::Certificate { .. } => {
                "name three files in PEM form as `ca`, `cert` and `key` of `tls`, or in the folder \
                 DOCKER_CERT_PATH as `ca.pem`, `cert.pem` and `key.pem`"
            }
            Self::NoEngine { source, .. } => {
                let said = with_causes(source);
                OBSTACLES
                    .iter()
                    .find(|(words, _)| words.iter().any(|word| said.contains(word)))
                    .map_or(START_DOCKER, |(_, hint)| hint)
            }
            Self::Silent { .. } => {
                "see that its host is up, can be reached from here and is not overloaded"
            }
            Self::TooOld { .. } => "update Docker to 20.10 or newer",
        }
    }
}

const START_DOCKER: &str = "start Docker, see that you may use its socket, or name another engine \
                            in `deployment.docker.host` or DOCKER_HOST; `target: local` needs no \
                            engine";

/// What programs on the way say, and what to do about it.
const OBSTACLES: [(&[&str], &str); 7] = [
    (
        &[
            "Host key verification failed",
            "No ED25519 host key",
            "REMOTE HOST IDENTIFICATION",
        ],
        "connect once with `ssh` by hand and compare the host's key before you accept it",
    ),
    (
        &["Permission denied (", "Too many authentication failures"],
        "let `ssh` log in without a question: load the key into the agent or name it in \
         `~/.ssh/config`",
    ),
    (
        &[
            "command not found",
            "docker: not found",
            "No such file or directory (docker)",
        ],
        "install Docker's command on that host, and see that it is on the PATH of a login without \
         a terminal",
    ),
    (
        &["permission denied while trying to connect"],
        "let that user use Docker on that host (group `docker`)",
    ),
    (
        &[
            "Cannot connect to the Docker daemon",
            "Is the docker daemon running",
        ],
        "start Docker on that host",
    ),
    (
        &[
            "invalid peer certificate",
            "UnknownIssuer",
            "NotValidForName",
        ],
        "the engine's certificate does not come from `ca` or is for another name: name the right \
         `ca`, and the host as the certificate calls it",
    ),
    (
        &[
            "CertificateRequired",
            "BadCertificate",
            "UnknownCA",
            "received fatal alert",
        ],
        "the engine does not accept your certificate: name `cert` and `key` that its own authority \
         made",
    ),
];

/// The words of an error and of all that it came from.
fn with_causes(error: &bollard::errors::Error) -> String {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        said.push('\n');
        said.push_str(&error.to_string());
        cause = error.source();
    }
    said
}
