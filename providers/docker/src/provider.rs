//! One fleet on one engine.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use rivetos_fleet::model::{DesiredSet, Inventory, Step};
use rivetos_fleet::port::{Applied, ApplyError, InfraProvider, Progress};
use rivetos_fleet::{FleetId, SecretResolver};

use crate::{DockerEngine, apply, observe};

/// Looks at one fleet on one engine, changes it, and reaches its nodes.
#[derive(Clone)]
pub struct DockerProvider {
    pub(crate) engine: DockerEngine,
    pub(crate) fleet: FleetId,
    pub(crate) secrets: Arc<dyn SecretResolver>,
}

impl DockerProvider {
    /// The fleet `fleet` on `engine`. Secrets that the operator gives come from `secrets` at the
    /// moment they are delivered.
    pub fn new(engine: DockerEngine, fleet: FleetId, secrets: Arc<dyn SecretResolver>) -> Self {
        Self {
            engine,
            fleet,
            secrets,
        }
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
