//! The operator's secrets: variables of this process and files of this machine.

use std::{fs, io};

use rivetos_fleet::{Secret, SecretError, SecretRef, SecretResolver};

/// Finds secrets where the operator keeps them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OperatorSecrets;

impl SecretResolver for OperatorSecrets {
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError> {
        let mut value = match secret {
            SecretRef::Env(name) => {
                std::env::var(name).map_err(|_| SecretError::Missing(secret.clone()))?
            }
            SecretRef::File(path) => fs::read_to_string(path).map_err(|error| {
                if error.kind() == io::ErrorKind::NotFound {
                    SecretError::Missing(secret.clone())
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
