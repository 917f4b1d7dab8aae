//! One target of a fleet: one of a closed set.

use std::path::Path;
use std::pin::Pin;

use futures_util::Stream;
use rivetos_fleet::model::{Desired, DesiredSet, Inventory, Observed, ResourceId, RoleSpec, Step};
use rivetos_fleet::port::{
    AccessError, Applied, ApplyError, FleetLock, Holder, InfraProvider, LeaseId, LockError,
    LogOptions, NodeAccess, Password, Progress,
};
use rivetos_provider_docker::{Datahub, DockerProvider};
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

/// What proves that the fleet's lock on a target is this run's.
pub(crate) enum LeaseToken {
    /// A container of one engine.
    Docker(rivetos_provider_docker::LeaseToken),
    /// A file of this host.
    Local(rivetos_provider_local::LeaseToken),
}

impl Target {
    /// The object that may become `resource`, by the target's name for it, whoever made it.
    pub(crate) async fn look_up(
        &self,
        resource: &ResourceId,
        native: &str,
    ) -> Result<Option<Observed>, ApplyError> {
        match self {
            Self::Docker(provider) => provider.look_up(resource, native).await,
            Self::Local(provider) => provider.look_up(resource, Path::new(native)),
        }
    }

    /// The password of the login `desired`, whose secret is here.
    pub(crate) async fn password(
        &self,
        desired: &Desired,
        role: &RoleSpec,
    ) -> Result<Password, ApplyError> {
        match self {
            Self::Docker(provider) => provider.password(desired, role).await,
            Self::Local(provider) => provider.password(desired, role),
        }
    }

    /// The fleet's datahub, if it takes connections.
    pub(crate) async fn datahub(&self, node: &ResourceId) -> Result<Datahub, AccessError> {
        match self {
            Self::Docker(provider) => provider.datahub(node).await,
            Self::Local(_) => Err(AccessError::Absent(node.clone())),
        }
    }
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

impl FleetLock for Target {
    type Token = LeaseToken;

    async fn acquire(&self, holder: &Holder) -> Result<LeaseToken, LockError> {
        Ok(match self {
            Self::Docker(provider) => LeaseToken::Docker(provider.acquire(holder).await?),
            Self::Local(provider) => LeaseToken::Local(provider.acquire(holder).await?),
        })
    }

    async fn renew(&self, token: &LeaseToken, holder: &Holder) -> Result<(), LockError> {
        match (self, token) {
            (Self::Docker(provider), LeaseToken::Docker(token)) => {
                provider.renew(token, holder).await
            }
            (Self::Local(provider), LeaseToken::Local(token)) => {
                provider.renew(token, holder).await
            }
            (Self::Docker(_), LeaseToken::Local(_)) | (Self::Local(_), LeaseToken::Docker(_)) => {
                Err(of_another_target())
            }
        }
    }

    async fn release(&self, token: LeaseToken) -> Result<(), LockError> {
        match (self, token) {
            (Self::Docker(provider), LeaseToken::Docker(token)) => provider.release(token).await,
            (Self::Local(provider), LeaseToken::Local(token)) => provider.release(token).await,
            (Self::Docker(_), LeaseToken::Local(_)) | (Self::Local(_), LeaseToken::Docker(_)) => {
                Err(of_another_target())
            }
        }
    }

    async fn holder(&self) -> Result<Option<Holder>, LockError> {
        match self {
            Self::Docker(provider) => provider.holder().await,
            Self::Local(provider) => provider.holder().await,
        }
    }

    async fn break_lock(&self, id: &LeaseId) -> Result<Applied, LockError> {
        match self {
            Self::Docker(provider) => provider.break_lock(id).await,
            Self::Local(provider) => provider.break_lock(id).await,
        }
    }
}

fn of_another_target() -> LockError {
    LockError::Lost {
        message: "the lock was taken on another target".to_owned(),
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
