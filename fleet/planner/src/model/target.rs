//! Names of targets.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where resources live: `local`, `docker` (the fleet's default engine) or `docker/<host>` (a
/// named one).
///
/// The order of targets is the order in which their locks are taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetId(String);

impl TargetId {
    /// Processes of the operator's host.
    pub fn local() -> Self {
        Self("local".to_owned())
    }

    /// The engine that `deployment.docker.hosts` calls `host`; `None`: the default engine.
    pub fn docker(host: Option<&str>) -> Self {
        Self(host.map_or_else(|| "docker".to_owned(), |host| format!("docker/{host}")))
    }

    /// As in plans, messages and files.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the host within its kind of target; absent for the default one.
    pub fn host(&self) -> Option<&str> {
        self.0.split_once('/').map(|(_, host)| host)
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
