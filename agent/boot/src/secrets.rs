//! Secrets from files and variables.

mod files;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rivetos_config::{EnvFile, Environment};
use rivetos_core::redact::Redactor;
use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};

use self::files::Files;
use crate::error::BootError;

/// Looks secrets up where they are, at each use; a file that did not change is not read again.
pub(crate) struct Secrets {
    folder: PathBuf,
    variables: Variables,
    written: BTreeMap<String, Secret<String>>,
    files: Files,
    redactor: Arc<Redactor>,
}

impl Secrets {
    /// Relative files start at `folder`; `written` are those of the configuration itself.
    pub(crate) fn new(
        folder: PathBuf,
        variables: Variables,
        written: BTreeMap<String, Secret<String>>,
        redactor: Arc<Redactor>,
    ) -> Self {
        for secret in written.values() {
            redactor.learn(secret);
        }
        Self {
            folder,
            variables,
            written,
            files: Files::default(),
            redactor,
        }
    }

    /// Knows every secret that was found until now.
    pub(crate) fn redactor(&self) -> Arc<Redactor> {
        Arc::clone(&self.redactor)
    }
}

/// The variables of this process and, for those that it does not have, of a `.env` file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables(EnvFile);

impl Variables {
    /// Those of the `.env` in `folder`, if there is one.
    pub(crate) fn beside(folder: &Path) -> Result<Self, BootError> {
        let path = folder.join(".env");
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(BootError::ReadConfig { path, source }),
            Ok(text) => Secret::new(text),
        };
        let file = EnvFile::parse(text.expose(), &path.display().to_string());
        file.map(Self).map_err(BootError::InvalidConfig)
    }
}

impl Environment for Variables {
    fn get(&self, name: &str) -> Option<String> {
        match std::env::var_os(name) {
            Some(value) => value.into_string().ok(),
            None => self.0.get(name).map(|value| value.expose().clone()),
        }
    }
}

impl SecretResolver for Secrets {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        let missing = || SecretError::Missing(secret.clone());
        let value = match secret {
            SecretRef::Env(name) => Secret::new(self.variables.get(name).ok_or_else(missing)?),
            SecretRef::Written(path) => self.written.get(path).ok_or_else(missing)?.clone(),
            SecretRef::File(path) => {
                let content = self.files.read(&self.folder.join(path));
                content.map_err(|error| {
                    if error.kind() == io::ErrorKind::NotFound {
                        return missing();
                    }
                    SecretError::Unreadable {
                        secret: secret.clone(),
                        cause: error.to_string(),
                    }
                })?
            }
        };
        let text = value.expose();
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(SecretError::Empty(secret.clone()));
        }
        let secret = Secret::from(text);
        self.redactor.learn(&secret);
        Ok(secret)
    }
}

/// Writes a random token to `path`, for its owner only, unless there is one.
pub(crate) fn ensure_token(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = match options.write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        other => other?,
    };
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let token = Secret::new(data_encoding::HEXLOWER.encode(&random));
    file.write_all(token.expose().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_where_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let written = BTreeMap::from([("a.key".to_owned(), Secret::from("canary"))]);
        std::fs::write(folder.path().join(".env"), "BESIDE=found\nPATH=other\n").unwrap();
        let variables = Variables::beside(folder.path()).unwrap();
        let secrets = Secrets::new(folder.path().to_owned(), variables, written, Arc::default());
        let name = SecretRef::File("key".into());
        let resolve = |content: &str| {
            std::fs::write(folder.path().join("key"), content).unwrap();
            secrets.resolve(&name).map(|secret| secret.expose().clone())
        };
        assert_eq!(resolve("abc\n"), Ok("abc".into()));
        assert_eq!(resolve("abc\r\n"), Ok("abc".into()));
        assert_eq!(resolve("a\nb"), Ok("a\nb".into()));
        assert_eq!(resolve("\n"), Err(SecretError::Empty(name.clone())));
        let absent = SecretRef::File("absent".into());
        let expected = SecretError::Missing(absent.clone());
        assert_eq!(secrets.resolve(&absent).map(|_| ()), Err(expected));
        let found = |secret| secrets.resolve(&secret).unwrap().expose().clone();
        assert_eq!(found(SecretRef::Written("a.key".into())), "canary");
        assert_eq!(found(SecretRef::Env("BESIDE".into())), "found");
        assert_ne!(found(SecretRef::Env("PATH".into())), "other");
    }

    #[test]
    fn a_token_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent_token");
        ensure_token(&path).unwrap();
        let token = std::fs::read_to_string(&path).unwrap();
        assert_eq!(token.len(), 64);
        ensure_token(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), token);
    }
}
