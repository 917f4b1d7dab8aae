//! Which Docker engine, as Docker's own command would choose it.

use std::env;
use std::path::{Path, PathBuf};

use rivetos_config::{Docker, DockerHost, Tls};
use rivetos_provider_docker::{ConnectError, DockerEngine, EngineAddress, TlsFiles};

use crate::output::Printer;

/// The fleet's default engine: of the file, else of the environment. Files that the configuration
/// names are looked for beside it.
pub(crate) fn of_file(docker: &Docker, beside: &Path) -> EngineAddress {
    match &docker.host {
        None => of_environment(),
        Some(host) => EngineAddress {
            host: host.clone(),
            tls: docker.tls.as_ref().map(|tls| files(tls, beside)),
        },
    }
}

/// An engine that the file names.
pub(crate) fn named(engine: &DockerHost, beside: &Path) -> EngineAddress {
    EngineAddress {
        host: engine.host.clone(),
        tls: engine.tls.as_ref().map(|tls| files(tls, beside)),
    }
}

/// `DOCKER_HOST` with `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`, else the local socket.
pub(crate) fn of_environment() -> EngineAddress {
    let Some(host) = variable("DOCKER_HOST") else {
        return EngineAddress::default();
    };
    let verified = variable("DOCKER_TLS_VERIFY").is_some() && host.starts_with("tcp://");
    let tls = verified.then(|| {
        let folder = match (variable("DOCKER_CERT_PATH"), env::home_dir()) {
            (Some(folder), _) => PathBuf::from(folder),
            (None, Some(home)) => home.join(".docker"),
            (None, None) => PathBuf::from(".docker"),
        };
        TlsFiles {
            ca: folder.join("ca.pem"),
            cert: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        }
    });
    EngineAddress { host, tls }
}

/// Connects, and says so when everybody could.
pub(crate) async fn connect(
    address: &EngineAddress,
    printer: Printer,
) -> Result<DockerEngine, ConnectError> {
    if address.is_exposed() {
        printer.talk(format_args!(
            "{} the engine at {} is reached without TLS: whoever reaches it too can take its host \
             over; use `tls` or `ssh://`",
            printer.err().yellow("warning:"),
            address.host
        ));
    }
    DockerEngine::connect(address).await
}

fn files(tls: &Tls, beside: &Path) -> TlsFiles {
    TlsFiles {
        ca: beside.join(&tls.ca),
        cert: beside.join(&tls.cert),
        key: beside.join(&tls.key),
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
