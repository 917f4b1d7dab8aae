//! The files of this machine whose content is delivered to agents and the datahub.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rivetos_config::{Config, SecretRef, Tls};
use thiserror::Error;

use super::file::Secrets;
use crate::exit::Exit;
use crate::output::Edge;

/// Why one cannot be delivered.
#[derive(Debug, Error)]
pub(super) enum FilesError {
    #[error("`{}` of `deployment.datahub.tls` cannot be read", path.display())]
    Certificate { path: PathBuf, source: io::Error },
    #[error("nobody has logged in to `{provider}`: `{}` cannot be read", path.display())]
    NotLoggedIn {
        provider: String,
        path: PathBuf,
        source: io::Error,
    },
    #[error("the current folder cannot be found")]
    NoFolder(#[source] io::Error),
}

impl Edge for FilesError {
    fn exit(&self) -> Exit {
        match self {
            Self::Certificate { .. } | Self::NotLoggedIn { .. } => Exit::Usage,
            Self::NoFolder(_) => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Certificate { .. } => {
                vec!["relative paths start at the folder of the fleet's file".into()]
            }
            Self::NotLoggedIn { provider, .. } => vec![format!("rivetos login {provider}")],
            Self::NoFolder(_) => Vec::new(),
        }
    }
}

/// Makes the paths whole ones, which start at the folder of the fleet's file: they are read later,
/// from wherever. Where something is made from them they must be there.
pub(super) fn find(config: &mut Config, beside: &Path, secrets: Secrets) -> Result<(), FilesError> {
    // The folder of a bare name is empty.
    let beside = Path::new(".").join(beside);
    let beside = std::path::absolute(beside).map_err(FilesError::NoFolder)?;
    let needed = secrets == Secrets::Needed;
    for (name, provider) in &mut config.providers {
        whole(&mut provider.api_key, &beside);
        let used = config
            .agents
            .values()
            .any(|agent| agent.providers().contains(&name.as_str()));
        let Some(login) = provider.login_mut() else {
            continue;
        };
        login.token_file = beside.join(&login.token_file);
        if needed && used {
            let path = &login.token_file;
            File::open(path).map_err(|source| FilesError::NotLoggedIn {
                provider: name.clone(),
                path: path.clone(),
                source,
            })?;
        }
    }
    whole(&mut config.channels.agent.secret, &beside);
    if let Some(otlp) = &mut config.telemetry.otlp {
        whole(&mut otlp.headers, &beside);
    }
    let datahub = config.deployment.as_mut().and_then(|d| d.datahub.as_mut());
    let Some(address) = datahub.and_then(|datahub| datahub.address.as_mut()) else {
        return Ok(());
    };
    let Tls { ca, cert, key } = &mut address.tls;
    for path in [ca, cert, key] {
        let there = beside.join(&*path);
        if needed {
            File::open(&there).map_err(|source| FilesError::Certificate {
                path: path.clone(),
                source,
            })?;
        }
        *path = there;
    }
    Ok(())
}

fn whole(secret: &mut Option<SecretRef>, beside: &Path) {
    if let Some(SecretRef::File(path)) = secret {
        *path = beside.join(&*path);
    }
}

/// Every secret that may be delivered.
pub(super) fn given(config: &Config) -> Vec<SecretRef> {
    let providers = config.providers.values();
    let keys = providers.clone().filter_map(|one| one.api_key.clone());
    let logins = providers
        .filter_map(|one| one.login())
        .map(|login| SecretRef::File(login.token_file.clone()));
    let headers = config.telemetry.otlp.as_ref();
    let headers = headers.and_then(|otlp| otlp.headers.clone());
    let datahub = config.deployment.as_ref().and_then(|d| d.datahub.as_ref());
    let tls = datahub.and_then(|datahub| Some(&datahub.address.as_ref()?.tls));
    let certificates = tls
        .into_iter()
        .flat_map(|tls| [&tls.ca, &tls.cert, &tls.key])
        .map(|path| SecretRef::File(path.clone()));
    keys.chain(logins)
        .chain(config.channels.agent.secret.clone())
        .chain(headers)
        .chain(certificates)
        .collect()
}
