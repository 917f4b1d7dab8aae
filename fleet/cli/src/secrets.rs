//! The operator's variables and secrets: of this process, of the `.env` beside the fleet's file, of
//! files of this machine, and of the fleet's file itself.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use rivetos_config::{EnvFile, Environment, Problems};
use rivetos_fleet::{Secret, SecretError, SecretRef, SecretResolver};
use thiserror::Error;

/// Permissions of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Why a `.env` file cannot be used. Never contains a value.
#[derive(Debug, Error)]
pub(crate) enum EnvFileError {
    #[error("`{}` cannot be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("`{}` cannot be used", path.display())]
    Invalid { path: PathBuf, problems: Problems },
}

/// The variables of this process and, for those that it does not have, of a `.env` file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables {
    file: EnvFile,
    /// The file, when others than its owner can read it.
    pub(crate) exposed: Option<PathBuf>,
}

impl Variables {
    /// With those of the `.env` beside `file`, if there is one.
    pub(crate) fn beside(file: &Path) -> Result<Self, EnvFileError> {
        let path = file.with_file_name(".env");
        let unreadable = |source| EnvFileError::Unreadable {
            path: path.clone(),
            source,
        };
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            read => Secret::new(read.map_err(unreadable)?),
        };
        let mode = fs::metadata(&path)
            .map_err(unreadable)?
            .permissions()
            .mode();
        let file = EnvFile::parse(text.expose(), &path.display().to_string());
        match file {
            Ok(file) => Ok(Self {
                file,
                exposed: (mode & OTHERS != 0).then_some(path),
            }),
            Err(problems) => Err(EnvFileError::Invalid { path, problems }),
        }
    }
}

impl Environment for Variables {
    fn get(&self, name: &str) -> Option<String> {
        match env::var_os(name) {
            Some(value) => value.into_string().ok(),
            None => self.file.get(name).map(|value| value.expose().clone()),
        }
    }
}

/// Finds secrets where the operator keeps them.
#[derive(Debug)]
pub(crate) struct OperatorSecrets {
    variables: Variables,
    /// Those of the fleet's file itself, by the path of their keys.
    written: BTreeMap<String, Secret<String>>,
}

impl OperatorSecrets {
    /// Those that one fleet's file can name.
    pub(crate) fn new(variables: Variables, written: BTreeMap<String, Secret<String>>) -> Self {
        Self { variables, written }
    }
}

impl SecretResolver for OperatorSecrets {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        let missing = || SecretError::Missing(secret.clone());
        let mut value = match secret {
            SecretRef::Env(name) => self.variables.get(name).ok_or_else(missing)?,
            SecretRef::Written(path) => {
                self.written.get(path).ok_or_else(missing)?.expose().clone()
            }
            SecretRef::File(path) => fs::read_to_string(path).map_err(|error| {
                if error.kind() == io::ErrorKind::NotFound {
                    missing()
                } else {
                    SecretError::Unreadable {
                        secret: secret.clone(),
                        cause: error.to_string(),
                    }
                }
            })?,
        };
        value.truncate(value.trim_end_matches(['\n', '\r']).len());
        if value.is_empty() {
            return Err(SecretError::Empty(secret.clone()));
        }
        Ok(Secret::new(value))
    }
}
