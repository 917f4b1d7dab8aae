//! Secrets: where they are named, how they are held, who resolves them.

use std::fmt;
use std::hint::black_box;
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// A value that must not be seen.
///
/// `Debug` and serialisation write `***`; the memory is overwritten on drop. [`Secret::expose`] is
/// the only way to the value, so that every use can be found by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes `value` into custody.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value, for the moment of use.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T: Zeroize> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl Secret<String> {
    /// Whether `given` is the value. The time that it takes tells nothing but the length, and an
    /// empty secret is nobody's.
    pub fn matches(&self, given: &[u8]) -> bool {
        let expected = self.expose().as_bytes();
        let pairs = given.iter().zip(expected);
        let difference = pairs.fold(0, |sum, (a, b)| black_box(sum | (a ^ b)));
        !expected.is_empty() && given.len() == expected.len() && difference == 0
    }
}

impl From<&str> for Secret<String> {
    fn from(value: &str) -> Self {
        Self::new(value.to_owned())
    }
}

/// Where a secret is to be found. Holds no secret itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretRef {
    /// An environment variable: `${NAME}` in a fleet's file.
    Env(String),
    /// A file whose whole content, without the last line break, is the secret.
    File(PathBuf),
    /// The fleet's file itself, at the key with this path.
    Written(String),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable `{name}`"),
            Self::File(path) => write!(f, "file `{}`", path.display()),
            Self::Written(path) => write!(f, "`{path}` of the configuration"),
        }
    }
}

/// Finds secrets. Called once per request, so that a rotated secret works without a restart.
pub trait SecretResolver: Send + Sync {
    /// The secret's present value; never empty.
    fn resolve(&self, secret: &SecretRef) -> Result<Secret<String>, SecretError>;
}

/// Why a secret cannot be had. Never contains the value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretError {
    /// The variable or file does not exist.
    #[error("{0} does not exist")]
    Missing(SecretRef),
    /// It exists but holds nothing.
    #[error("{0} is empty")]
    Empty(SecretRef),
    /// It exists but cannot be read.
    #[error("{secret} cannot be read: {cause}")]
    Unreadable {
        /// Which one.
        secret: SecretRef,
        /// What the system said.
        cause: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_to_nobody() {
        let secret = Secret::from("canary-4711");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        assert_eq!(secret.expose(), "canary-4711");
    }

    #[test]
    fn only_the_whole_value_matches() {
        let secret = Secret::from("abc");
        assert!(secret.matches(b"abc"));
        for other in ["", "ab", "abd", "abcd"] {
            assert!(!secret.matches(other.as_bytes()), "{other:?}");
        }
        assert!(!Secret::from("").matches(b""));
    }
}
