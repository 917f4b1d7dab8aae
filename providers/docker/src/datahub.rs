//! The fleet's Postgres by its own programs, run in its container as its superuser over its unix
//! socket: no port and no password needed, and the versions of server and programs are the same.

mod archive;
mod program;
mod session;

pub use archive::{Contents, DatahubError};
pub use program::{Ended, Ends, ProgramError};
pub use session::{Screen, Size};

use bollard::Docker;
use rivetos_fleet::model::ResourceId;
use rivetos_fleet::port::AccessError;

use crate::DockerProvider;
use crate::access::unreachable;
use crate::role::Postgres;

/// A datahub that takes connections.
#[derive(Debug, Clone)]
pub struct Datahub {
    docker: Docker,
    container: String,
    superuser: String,
    database: String,
}

impl DockerProvider {
    /// The fleet's datahub, if it takes connections.
    pub async fn datahub(&self, node: &ResourceId) -> Result<Datahub, AccessError> {
        let container = self.find_running(node).await?;
        let docker = &self.engine.docker;
        let live = docker.inspect_container(&container, None).await;
        let live = live.map_err(|error| unreachable(node, &error))?;
        let postgres = Postgres::of(docker, &live);
        if let Err(cause) = postgres.answers().await {
            let node = node.clone();
            return Err(AccessError::Unreachable { node, cause });
        }
        Ok(Datahub {
            docker: docker.clone(),
            container,
            superuser: postgres.superuser().to_owned(),
            database: postgres.database().to_owned(),
        })
    }
}
