//! The provider as the rest sees it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpStream;

use rivetos_fleet::model::{Desired, DesiredSet, Inventory, Observed, ResourceId, RoleSpec, Step};
use rivetos_fleet::port::{
    AccessError, Applied, ApplyError, InfraProvider, LogOptions, NodeAccess, Password, Progress,
};
use rivetos_fleet::{FleetId, SecretResolver};

use crate::access::{self, LogLines};
use crate::{apply, observe};

/// What the provider works with.
#[derive(Clone)]
pub struct LocalSettings {
    /// The fleet.
    pub fleet: FleetId,
    /// The fleet's folder; absolute.
    pub home: PathBuf,
    /// The program that is run as `<supervisor> local supervise --folder <agent's folder>` and
    /// calls [`crate::supervise`]; absolute.
    pub supervisor: PathBuf,
    /// The environment of this process. Supervisors and agents see of it only what is not
    /// somebody's secret: `PATH`, `HOME`, `LANG`, `TZ`, `TMPDIR`, `SSL_CERT_FILE`,
    /// `RIVETOS_LOG*`.
    pub environment: Vec<(OsString, OsString)>,
    /// Finds the secrets that are delivered.
    pub secrets: Arc<dyn SecretResolver>,
}

/// The folders and processes of one fleet on this host.
#[derive(Clone)]
pub struct LocalProvider {
    settings: LocalSettings,
}

impl LocalProvider {
    /// The provider; looks at nothing yet.
    pub fn new(settings: LocalSettings) -> Self {
        Self { settings }
    }

    /// The folder that may become `resource`, whoever made it.
    pub fn look_up(
        &self,
        resource: &ResourceId,
        path: &Path,
    ) -> Result<Option<Observed>, ApplyError> {
        observe::look_up(&self.settings, resource, path)
            .map_err(|error| apply::failed("read", path, &error))
    }

    /// The password of the login `desired`, whose secret is on this host.
    pub fn password(&self, desired: &Desired, role: &RoleSpec) -> Result<Password, ApplyError> {
        apply::password(&self.settings, desired, role)
    }

    /// What it works with.
    pub(crate) fn settings(&self) -> &LocalSettings {
        &self.settings
    }
}

impl InfraProvider for LocalProvider {
    async fn observe(&self, desired: &DesiredSet) -> Inventory {
        observe::observe(&self.settings, desired)
    }

    async fn apply(&self, step: &Step, progress: Progress<'_>) -> Result<Applied, ApplyError> {
        apply::apply(&self.settings, step, progress).await
    }
}

impl NodeAccess for LocalProvider {
    type Stream = TcpStream;
    type Lines = LogLines;

    async fn connect(&self, node: &ResourceId) -> Result<TcpStream, AccessError> {
        access::connect(&self.settings.home, node).await
    }

    async fn logs(&self, node: &ResourceId, options: LogOptions) -> Result<LogLines, AccessError> {
        access::logs(&self.settings.home, node, options)
    }
}
