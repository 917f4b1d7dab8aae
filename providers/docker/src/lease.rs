//! The fleet's lock on an engine: a container that never starts.
//!
//! The engine gives a name to one container only, so making it is taking the lock. Its holder is
//! on its label from the first moment; its beat is a file in it. Everything after that goes by the
//! container's id, so that a slow holder whose lock was taken over touches nobody else's.

use std::collections::HashMap;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use rivetos_fleet::label;
use rivetos_fleet::port::{Applied, FleetLock, Holder, LeaseId, LockError};

use crate::DockerProvider;
use crate::apply::{self, first_file, must_be_ours};
use crate::error::{found, is_conflict, is_not_found, said};
use crate::image::{EMPTY_IMAGE, ensure_empty_image};

/// The file with the holder's last sign of life.
const FILE: &str = "lease.json";

/// How often the lock is asked for again that was given back between asking and looking, or whose
/// name the engine keeps for a container that it is still making, and how long to wait between.
const ATTEMPTS_MAX: usize = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// The lock that this run took: the id of its container.
#[derive(Debug)]
pub struct LeaseToken(String);

/// A lock that is there.
struct Live {
    container: String,
    /// As it was when the lock was taken.
    first: Holder,
}

impl FleetLock for DockerProvider {
    type Token = LeaseToken;

    async fn acquire(&self, holder: &Holder) -> Result<LeaseToken, LockError> {
        let docker = &self.engine.docker;
        let image = ensure_empty_image(docker).await;
        image.map_err(|error| self.failed("making the empty image for", &error))?;
        for _ in 0..ATTEMPTS_MAX {
            match self.create_lock(holder).await {
                Ok(id) => return Ok(LeaseToken(id)),
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(self.failed("taking", &error)),
            }
            if let Some(holder) = self.holder().await? {
                return Err(LockError::Held {
                    holder: Box::new(holder),
                });
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(LockError::Failed {
            message: format!("`{}` comes and goes", self.lock_name()),
            hint: Some("run this again".to_owned()),
        })
    }

    async fn renew(&self, token: &LeaseToken, holder: &Holder) -> Result<(), LockError> {
        let archive = archive(holder).map_err(|error| LockError::Failed {
            message: format!("packing a sign of life: {error}"),
            hint: None,
        })?;
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        let body = bollard::body_full(archive.into());
        let docker = &self.engine.docker;
        match docker
            .upload_to_container(&token.0, Some(options), body)
            .await
        {
            Ok(()) => Ok(()),
            Err(error) if is_not_found(&error) => Err(LockError::Lost {
                message: format!("`{}` was removed or taken over", self.lock_name()),
            }),
            Err(error) => Err(self.failed("renewing", &error)),
        }
    }

    async fn release(&self, token: LeaseToken) -> Result<(), LockError> {
        self.remove_lock(&token.0).await
    }

    async fn holder(&self) -> Result<Option<Holder>, LockError> {
        let Some(live) = self.live_lock().await? else {
            return Ok(None);
        };
        let sign = self.last_sign(&live.container).await;
        let sign = sign.filter(|sign| sign.id == live.first.id);
        Ok(Some(sign.unwrap_or(live.first)))
    }

    async fn break_lock(&self, id: &LeaseId) -> Result<Applied, LockError> {
        let Some(live) = self.live_lock().await? else {
            return Ok(Applied::AlreadySo);
        };
        if live.first.id != *id {
            return Err(LockError::Held {
                holder: Box::new(live.first),
            });
        }
        self.remove_lock(&live.container).await?;
        Ok(Applied::Changed)
    }
}

impl DockerProvider {
    /// No name of a container of any fleet has a dot.
    fn lock_name(&self) -> String {
        format!("{}.lock", self.fleet)
    }

    fn failed(&self, doing: &str, error: &Error) -> LockError {
        LockError::Failed {
            message: format!("{doing} the lock `{}`: {}", self.lock_name(), said(error)),
            hint: None,
        }
    }

    async fn create_lock(&self, holder: &Holder) -> Result<String, Error> {
        let labels = HashMap::from([
            (label::MANAGED_BY.to_owned(), label::MANAGER.to_owned()),
            (label::FLEET.to_owned(), self.fleet.to_string()),
            (label::LOCK.to_owned(), serde_json::to_string(holder)?),
        ]);
        let body = ContainerCreateBody {
            image: Some(EMPTY_IMAGE.to_owned()),
            // Never run; an image without an entry point needs one to be named.
            entrypoint: Some(vec!["/never-started".to_owned()]),
            labels: Some(labels),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new()
            .name(&self.lock_name())
            .build();
        let docker = &self.engine.docker;
        Ok(docker.create_container(Some(options), body).await?.id)
    }

    /// The lock that has the name now, whoever's it is.
    async fn live_lock(&self) -> Result<Option<Live>, LockError> {
        let name = self.lock_name();
        let docker = &self.engine.docker;
        let live = found(docker.inspect_container(&name, None).await)
            .map_err(|error| self.failed("looking at", &error))?;
        let Some(live) = live else { return Ok(None) };
        let labels = live
            .config
            .and_then(|config| config.labels)
            .unwrap_or_default();
        must_be_ours(&self.fleet, &name, &labels).map_err(|refused| LockError::Failed {
            message: refused.message,
            hint: refused.hint,
        })?;
        let first = labels
            .get(label::LOCK)
            .and_then(|text| serde_json::from_str(text).ok());
        match (live.id, first) {
            (Some(container), Some(first)) => Ok(Some(Live { container, first })),
            (None, _) | (_, None) => Err(LockError::Failed {
                message: format!("`{name}` is there and is not a lock that this version reads"),
                hint: Some("end the run that made it, or remove it by hand".to_owned()),
            }),
        }
    }

    /// What the holder last wrote; none before its first sign of life.
    async fn last_sign(&self, container: &str) -> Option<Holder> {
        let docker = &self.engine.docker;
        let archive = apply::archive(docker, container, &format!("/{FILE}")).await;
        let archive = archive.ok()?;
        serde_json::from_str(&first_file(&archive).ok()?).ok()
    }

    async fn remove_lock(&self, container: &str) -> Result<(), LockError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        let docker = &self.engine.docker;
        match docker.remove_container(container, Some(options)).await {
            Err(error) if !is_not_found(&error) && !is_conflict(&error) => {
                Err(self.failed("giving back", &error))
            }
            // A conflict: somebody else is removing it at this moment.
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn archive(holder: &Holder) -> std::io::Result<Vec<u8>> {
    let text = serde_json::to_vec(holder)?;
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o444);
    header.set_size(text.len() as u64);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, FILE, text.as_slice())?;
    archive.into_inner()
}
