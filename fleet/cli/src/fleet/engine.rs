//! Which Docker engine, as Docker's own command would choose it.

use std::env;
use std::path::{Path, PathBuf};

use rivetos_config::{Docker, DockerHost, Tls};
use rivetos_fleet::model::TargetId;
use rivetos_provider_docker::{ConnectError, DockerEngine, EngineAddress, TlsFiles};

use crate::output::Printer;

/// The engine that a plan calls `id`: one that the file names, else the fleet's default one, of the
/// file or of the environment. Files that the configuration names are looked for beside it.
pub(crate) fn of(docker: &Docker, id: &TargetId, beside: &Path) -> EngineAddress {
    let mut hosts = docker.hosts.iter();
    let named = hosts.find(|(name, _)| id.host() == Some(name.as_str()));
    match (named, &docker.host) {
        (Some((_, DockerHost { host, tls })), _) => address(host, tls.as_ref(), beside),
        (None, Some(host)) => address(host, docker.tls.as_ref(), beside),
        (None, None) => of_environment(),
    }
}

fn address(host: &str, tls: Option<&Tls>, beside: &Path) -> EngineAddress {
    EngineAddress {
        host: host.to_owned(),
        tls: tls.map(|tls| files(tls, beside)),
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

/// Connects, and says to `printer` when everybody could.
pub(crate) async fn connect(
    address: &EngineAddress,
    printer: Option<Printer>,
) -> Result<DockerEngine, ConnectError> {
    if let Some(printer) = printer
        && address.is_exposed()
    {
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
    // They are found from another folder too.
    let file = |path: &Path| {
        let path = beside.join(path);
        std::path::absolute(&path).unwrap_or(path)
    };
    TlsFiles {
        ca: file(&tls.ca),
        cert: file(&tls.cert),
        key: file(&tls.key),
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
