//! The target of this run: one of a closed set, chosen once.

use std::pin::Pin;

use futures_util::Stream;
use rivetos_fleet::model::{DesiredSet, Inventory, ResourceId, Step};
use rivetos_fleet::port::{
    AccessError, Applied, ApplyError, InfraProvider, LogOptions, NodeAccess, Progress,
};
use rivetos_provider_docker::DockerProvider;
use rivetos_provider_local::LocalProvider;
use tokio::io::{AsyncRead, AsyncWrite};

/// Where a fleet runs.
#[derive(Clone)]
pub(crate) enum Target {
    /// Containers of one engine.
    Docker(DockerProvider),
    /// Processes of this host.
    Local(LocalProvider),
}

/// A connection to an agent, whatever carries it.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

impl InfraProvider for Target {
    async fn observe(&self, desired: &DesiredSet) -> Inventory {
        match self {
            Self::Docker(provider) => provider.observe(desired).await,
            Self::Local(provider) => provider.observe(desired).await,
        }
    }

    async fn apply(&self, step: &Step, progress: Progress<'_>) -> Result<Applied, ApplyError> {
        match self {
            Self::Docker(provider) => provider.apply(step, progress).await,
            Self::Local(provider) => provider.apply(step, progress).await,
        }
    }
}

impl NodeAccess for Target {
    type Stream = Box<dyn ByteStream>;
    type Lines = Pin<Box<dyn Stream<Item = Result<String, AccessError>> + Send>>;

    async fn connect(&self, node: &ResourceId) -> Result<Self::Stream, AccessError> {
        Ok(match self {
            Self::Docker(provider) => Box::new(provider.connect(node).await?),
            Self::Local(provider) => Box::new(provider.connect(node).await?),
        })
    }

    async fn logs(
        &self,
        node: &ResourceId,
        options: LogOptions,
    ) -> Result<Self::Lines, AccessError> {
        Ok(match self {
            Self::Docker(provider) => Box::pin(provider.logs(node, options).await?),
            Self::Local(provider) => Box::pin(provider.logs(node, options).await?),
        })
    }
}
