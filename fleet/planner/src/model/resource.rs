//! Names of resources.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use rivetos_config::FleetId;

/// The kinds of resources, in the order in which they come to be: a resource only ever comes after
/// resources of earlier kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What the nodes of a fleet talk over.
    Network,
    /// Data that outlives its node.
    Volume,
    /// What a node is started from.
    Image,
    /// The configuration of one node.
    Config,
    /// The secrets of one node.
    Secret,
    /// Postgres of the fleet.
    Datahub,
    /// An agent's login and schema in the datahub.
    Role,
    /// A running agent.
    Agent,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 8] = [
        Self::Network,
        Self::Volume,
        Self::Image,
        Self::Config,
        Self::Secret,
        Self::Datahub,
        Self::Role,
        Self::Agent,
    ];

    /// As in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Config => "config",
            Self::Secret => "secret",
            Self::Image => "image",
            Self::Datahub => "datahub",
            Self::Role => "role",
            Self::Agent => "agent",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The address of a resource within its fleet: `agent/opus`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceId {
    /// What it is.
    pub kind: Kind,
    /// Its name within the kind.
    pub name: String,
}

impl ResourceId {
    /// The resource `kind/name`.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
        }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl FromStr for ResourceId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text
            .split_once('/')
            .ok_or_else(|| format!("`{text}` is not of the form kind/name"))?;
        let kind = Kind::ALL
            .into_iter()
            .find(|k| k.as_str() == kind)
            .ok_or_else(|| format!("`{kind}` is not a kind of resource"))?;
        Ok(Self::new(kind, name))
    }
}

impl TryFrom<String> for ResourceId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ResourceId> for String {
    fn from(id: ResourceId) -> Self {
        id.to_string()
    }
}

/// The identity of a resource for its whole life, stamped on the live object.
///
/// Base32 of SHA-256 over fleet, kind and the name that the resource was born with, cut to 26
/// characters (130 bits). No randomness, so that rendering alone gives the same identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(pub String);

impl Uid {
    /// The uid of the resource that was born in `fleet` as `id`.
    pub fn derive(fleet: &FleetId, id: &ResourceId) -> Self {
        // Names are DNS labels or paths without NUL, so the separator is unambiguous.
        let text = format!("{fleet}\0{}\0{}", id.kind, id.name);
        let mut encoded = BASE32_NOPAD.encode(&Sha256::digest(text.as_bytes()));
        encoded.truncate(26);
        encoded.make_ascii_lowercase();
        Self(encoded)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
