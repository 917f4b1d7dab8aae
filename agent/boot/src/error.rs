//! Why the program ended, and with which exit code.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use rivetos_config::Problems;
use rivetos_model_anthropic::login::LoginError;
use rivetos_protocol::HandshakeError;
use rivetos_types::model::ModelError;
use rivetos_types::secret::SecretError;
use rivetos_types::store::StoreError;
use thiserror::Error;

use crate::args::UsageError;
use crate::otlp::OtlpError;

/// Exit code of usage errors and invalid configurations.
const EXIT_USAGE: u8 = 64;

/// Why the program ended.
#[derive(Debug, Error)]
pub(crate) enum BootError {
    #[error("the command line is not understood; `rivetos-agent help` explains it")]
    Usage(#[source] UsageError),
    #[error("the configuration `{}` cannot be read", path.display())]
    ReadConfig {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the configuration is not valid")]
    InvalidConfig(#[source] Problems),
    #[error("the configuration has no agent `{0}` with a provider")]
    NoAgent(String),
    #[error("the configuration has no provider `{0}`")]
    NoProvider(String),
    #[error("the provider `{0}` has no `login`: it is asked with a key")]
    NoLogin(String),
    #[error("`{0}` is no server of Ollama: only those fetch models when they are told to")]
    NoPull(String),
    #[error("nobody was asked: {0}")]
    NotAsked(String),
    #[error("{0} of the providers do not answer")]
    ProvidersFail(usize),
    #[error("the provider failed")]
    Model(#[source] ModelError),
    #[error("there is no login")]
    Login(#[source] LoginError),
    #[error("the answer cannot be read")]
    Input(#[source] io::Error),
    #[error("the provider `{0}` has no base_url")]
    NoBaseUrl(String),
    #[error("the provider `{0}` has no api_key")]
    NoKey(String),
    #[error("the folder `{}` cannot be made ready", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the store `{}` cannot be opened", path.display())]
    OpenStore {
        path: PathBuf,
        #[source]
        source: StoreError,
    },
    #[error("the stand-in for a model cannot be started")]
    Rehearsal(#[source] io::Error),
    #[error("the bearer token cannot be had")]
    Token(#[source] SecretError),
    #[error("the headers of `telemetry.otlp` cannot be had")]
    OtlpHeaders(#[source] SecretError),
    #[error("`telemetry.otlp` cannot be used")]
    Otlp(#[source] OtlpError),
    #[error("a bearer token cannot be made")]
    MakeToken(#[source] io::Error),
    #[error("{address} cannot be listened on")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("the table of prices cannot be read")]
    Prices(#[source] serde_json::Error),
    #[error("the runtime cannot be started")]
    Runtime(#[source] io::Error),
    #[error("no agent answers on {address}")]
    Unreachable {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("the agent on {address} is not ready: {report}")]
    NotReady { address: SocketAddr, report: String },
    #[error("the agent on {address} did not take the connection")]
    Handshake {
        address: SocketAddr,
        #[source]
        source: HandshakeError,
    },
    #[error("the output cannot be written")]
    Output(#[source] io::Error),
}

impl BootError {
    /// Says the whole chain once, on standard error.
    pub(crate) fn report(&self) {
        let mut text = format!("error: {self}");
        let mut source = self.source();
        while let Some(error) = source {
            text.extend(["\n  ", &error.to_string().replace('\n', "\n  ")]);
            source = error.source();
        }
        text.push('\n');
        // Nobody is left to tell when standard error is closed.
        let _ = io::stderr().write_all(text.as_bytes());
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_)
            | Self::ReadConfig { .. }
            | Self::InvalidConfig(_)
            | Self::NoAgent(_)
            | Self::NoProvider(_)
            | Self::NoLogin(_)
            | Self::NoPull(_)
            | Self::NoBaseUrl(_)
            | Self::NoKey(_)
            | Self::Otlp(_) => ExitCode::from(EXIT_USAGE),
            Self::Folder { .. }
            | Self::OpenStore { .. }
            | Self::Rehearsal(_)
            | Self::NotAsked(_)
            | Self::ProvidersFail(_)
            | Self::Model(_)
            | Self::Login(_)
            | Self::Input(_)
            | Self::Token(_)
            | Self::MakeToken(_)
            | Self::OtlpHeaders(_)
            | Self::Listen { .. }
            | Self::Prices(_)
            | Self::Runtime(_)
            | Self::Unreachable { .. }
            | Self::NotReady { .. }
            | Self::Handshake { .. }
            | Self::Output(_) => ExitCode::FAILURE,
        }
    }
}
