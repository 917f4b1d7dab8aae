//! One fleet on one engine.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use rivetos_fleet::model::{DesiredSet, Inventory, Observed, ResourceId, Step};
use rivetos_fleet::port::{Applied, ApplyError, InfraProvider, Progress};
use rivetos_fleet::{FleetId, SecretResolver};

use tokio::sync::Mutex;

use crate::{ComposeFile, DockerEngine, apply, observe};

/// Looks at one fleet on one engine, changes it, and reaches its nodes.
#[derive(Clone)]
pub struct DockerProvider {
    pub(crate) engine: DockerEngine,
    pub(crate) fleet: FleetId,
    pub(crate) secrets: Arc<dyn SecretResolver>,
    pub(crate) compose: Option<ComposeFile>,
    /// Engines lose count when networks go at the same moment.
    pub(crate) network_removal: Arc<Mutex<()>>,
}

impl DockerProvider {
    /// The fleet `fleet` on `engine`. Secrets that the operator gives come from `secrets` at the
    /// moment they are delivered.
    pub fn new(engine: DockerEngine, fleet: FleetId, secrets: Arc<dyn SecretResolver>) -> Self {
        Self {
            engine,
            fleet,
            secrets,
            compose: None,
            network_removal: Arc::default(),
        }
    }

    /// Makes containers that Compose finds up to date when it is given `file`.
    #[must_use]
    pub fn with_compose(self, file: ComposeFile) -> Self {
        Self {
            compose: Some(file),
            ..self
        }
    }
}

impl DockerProvider {
    /// The object that may become `resource`, by its name or id on the engine, whoever made it. Its
    /// fields are not looked at: what it is like does not matter to whose it is.
    pub async fn look_up(
        &self,
        resource: &ResourceId,
        native: &str,
    ) -> Result<Option<Observed>, ApplyError> {
        apply::look_up(self, resource, native).await
    }
}

impl fmt::Debug for DockerProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerProvider")
            .field("engine", &self.engine.host)
            .field("fleet", &self.fleet)
            .finish_non_exhaustive()
    }
}

impl InfraProvider for DockerProvider {
    fn observe(&self, desired: &DesiredSet) -> impl Future<Output = Inventory> + Send {
        observe::observe(self, desired)
    }

    fn apply(
        &self,
        step: &Step,
        progress: Progress<'_>,
    ) -> impl Future<Output = Result<Applied, ApplyError>> + Send {
        apply::apply(self, step, progress)
    }
}
