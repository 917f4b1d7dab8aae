//! Containers that never start, through which files get into and out of a volume.

use std::collections::BTreeMap;
use std::io::Read;

use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType, MountVolumeOptions};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder,
    RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::TryStreamExt;
use rivetos_fleet::model::ResourceId;
use rivetos_fleet::port::ApplyError;

use super::{must_be_ours, passing_labels};
use crate::DockerProvider;
use crate::error::{broken, failed, found, is_conflict};

/// Where the volume is in the carrier.
const PATH: &str = "/carry";

/// The largest file that is read back, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A carrier that is there.
pub(crate) struct Carrier<'a> {
    provider: &'a DockerProvider,
    name: String,
}

/// What a carrier is for.
pub(crate) struct Errand<'a> {
    /// The resource that is not finished while the carrier is there.
    pub(crate) resource: &'a ResourceId,
    /// An image that the engine has.
    pub(crate) image: &'a str,
    /// The volume.
    pub(crate) volume: &'a str,
    /// The labels of the volume, should it not be there yet.
    pub(crate) labels: BTreeMap<String, String>,
}

impl<'a> Carrier<'a> {
    /// Makes a carrier named after the volume with `suffix`, instead of one that an interrupted run
    /// left.
    pub(crate) async fn make(
        provider: &'a DockerProvider,
        suffix: &str,
        errand: &Errand<'_>,
    ) -> Result<Self, ApplyError> {
        let carrier = Self {
            provider,
            name: format!("{}-{suffix}", errand.volume),
        };
        let what = format!("making `{}`", carrier.name);
        match carrier.create(errand).await {
            Ok(()) => return Ok(carrier),
            Err(error) if is_conflict(&error) => carrier.remove().await?,
            Err(error) => return Err(failed(&what, &error)),
        }
        carrier
            .create(errand)
            .await
            .map_err(|error| failed(&what, &error))?;
        Ok(carrier)
    }

    async fn create(&self, errand: &Errand<'_>) -> Result<(), Error> {
        let labels = passing_labels(&self.provider.fleet, errand.resource);
        let body = ContainerCreateBody {
            image: Some(errand.image.to_owned()),
            // Never run; an image without an entry point needs one to be named.
            entrypoint: Some(vec!["/never-started".to_owned()]),
            labels: Some(labels.into_iter().collect()),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                mounts: Some(vec![Mount {
                    target: Some(PATH.to_owned()),
                    source: Some(errand.volume.to_owned()),
                    typ: Some(MountType::VOLUME),
                    volume_options: Some(MountVolumeOptions {
                        no_copy: Some(true),
                        labels: Some(errand.labels.clone().into_iter().collect()),
                        ..MountVolumeOptions::default()
                    }),
                    ..Mount::default()
                }]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new()
            .name(&self.name)
            .build();
        self.provider
            .engine
            .docker
            .create_container(Some(options), body)
            .await
            .map(drop)
    }

    /// Puts the content of a tar archive into the volume.
    pub(crate) async fn fill(&self, archive: Vec<u8>) -> Result<(), ApplyError> {
        let options = UploadToContainerOptionsBuilder::new().path(PATH).build();
        let body = bollard::body_full(archive.into());
        let docker = &self.provider.engine.docker;
        docker
            .upload_to_container(&self.name, Some(options), body)
            .await
            .map_err(|error| failed(&format!("filling a volume through `{}`", self.name), &error))
    }

    async fn read(&self, file: &str) -> Result<String, ApplyError> {
        let what = format!("reading `{file}` through `{}`", self.name);
        let options = DownloadFromContainerOptionsBuilder::new()
            .path(&format!("{PATH}/{file}"))
            .build();
        let docker = &self.provider.engine.docker;
        let archive: Vec<u8> = docker
            .download_from_container(&self.name, Some(options))
            .try_fold(Vec::new(), |mut all, chunk| async move {
                all.extend_from_slice(&chunk);
                Ok(all)
            })
            .await
            .map_err(|error| failed(&what, &error))?;
        first_file(&archive).map_err(|error| broken(format!("{what}: {error}"), None))
    }

    /// Removes the carrier, if it is there and the fleet's.
    pub(crate) async fn remove(&self) -> Result<(), ApplyError> {
        remove_named(self.provider, &self.name).await
    }
}

/// The carrier that fills `volume` may be there: it goes, if it is the fleet's.
pub(super) async fn remove_left_over(
    provider: &DockerProvider,
    volume: &str,
) -> Result<(), ApplyError> {
    for suffix in [FILLING, READING] {
        remove_named(provider, &format!("{volume}-{suffix}")).await?;
    }
    Ok(())
}

/// The suffix of carriers that fill a volume.
pub(crate) const FILLING: &str = "carrier";
/// The suffix of carriers that read from a volume.
pub(crate) const READING: &str = "reader";

async fn remove_named(provider: &DockerProvider, name: &str) -> Result<(), ApplyError> {
    let docker = &provider.engine.docker;
    let fail = |error: &Error| failed(&format!("removing `{name}`"), error);
    let live = found(docker.inspect_container(name, None).await).map_err(|error| fail(&error))?;
    let Some(live) = live else { return Ok(()) };
    let labels = live
        .config
        .and_then(|config| config.labels)
        .unwrap_or_default();
    must_be_ours(&provider.fleet, name, &labels)?;
    let options = RemoveContainerOptionsBuilder::new().force(true).build();
    let id = live.id.unwrap_or_else(|| name.to_owned());
    found(docker.remove_container(&id, Some(options)).await).map_err(|error| fail(&error))?;
    Ok(())
}

/// Reads one file of a volume that is there.
pub(crate) async fn read_file(
    provider: &DockerProvider,
    errand: &Errand<'_>,
    file: &str,
) -> Result<String, ApplyError> {
    let carrier = Carrier::make(provider, READING, errand).await?;
    let content = carrier.read(file).await;
    carrier.remove().await?;
    content
}

fn first_file(archive: &[u8]) -> std::io::Result<String> {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries()? {
        let entry = entry?;
        if entry.header().entry_type().is_file() {
            let mut text = String::new();
            entry.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
            return Ok(text);
        }
    }
    Err(std::io::Error::other("the engine sent no file"))
}
