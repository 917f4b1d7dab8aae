//! The flat view of a spec that is compared, hashed and shown.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What we set, or have set, by dotted path: `image`, `env.LANG`, `mount./data`.
pub type Fields = BTreeMap<String, Field>;

/// The value of one field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// A value that may be shown.
    Text(String),
    /// A keyed short hash of a value that may not be shown.
    Keyed(String),
    /// A secret whose hash cannot be computed (the fleet key or the value is not at hand): it
    /// compares as unknown, never as changed.
    Unknown,
}

impl Field {
    /// A value that may be shown.
    pub fn text(value: impl Into<String>) -> Self {
        Self::Text(value.into())
    }

    /// Whether the two values are known to differ.
    pub fn differs(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => false,
            (Self::Text(_) | Self::Keyed(_), Self::Text(_) | Self::Keyed(_)) => self != other,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Keyed(hash) => write!(f, "secret #{hash}"),
            Self::Unknown => f.write_str("secret"),
        }
    }
}
