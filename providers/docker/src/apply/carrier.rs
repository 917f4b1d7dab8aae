//! Containers that never start, through which files get into and out of a volume.

use std::collections::BTreeMap;
use std::io::Read;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, ContainerSummary, HostConfig, Mount, MountType, MountVolumeOptions,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder,
    RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::TryStreamExt;
use rivetos_fleet::Secret;
use rivetos_fleet::label;
use rivetos_fleet::model::ResourceId;
use rivetos_fleet::port::ApplyError;

use super::{RUN_AGAIN, must_be_ours, passing_labels};
use crate::DockerProvider;
use crate::error::{broken, failed, found, is_conflict, refused};

/// Where the volume is in the carrier.
const PATH: &str = "/carry";

/// The largest file that is read back, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The longest archive that is read, in bytes: the largest file and all that may stand around it.
const ARCHIVE_BYTES_MAX: usize = 128 * 1024;

/// The suffix of carriers that fill a volume.
const FILLING: &str = "carrier";
/// The suffix of carriers that read from a volume.
const READING: &str = "reader";

/// The name of the carrier that fills `volume`: while it is there the volume is unfinished.
pub(crate) fn filling_name(volume: &str) -> String {
    format!("{volume}-{FILLING}")
}

/// The suffix of what stands in for a carrier while that one goes and its volume is still there.
const UNFINISHED: &str = "unfinished";

/// Whether `volume` is unfinished: its carrier is there, or what stands in for it.
pub(crate) fn unfinished_names(volume: &str) -> [String; 2] {
    [filling_name(volume), format!("{volume}-{UNFINISHED}")]
}

/// Marks `volume` as unfinished without holding on to it, as `carrier` did. A run that is killed between the removal
/// of a carrier and that of its volume would else leave an empty volume that looks finished.
pub(super) async fn mark_unfinished(
    provider: &DockerProvider,
    volume: &str,
    carrier: &ContainerSummary,
) -> Result<(), ApplyError> {
    let name = format!("{volume}-{UNFINISHED}");
    let body = ContainerCreateBody {
        image: carrier.image_id.clone(),
        entrypoint: Some(vec!["/never-started".to_owned()]),
        labels: carrier.labels.clone(),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    let docker = &provider.engine.docker;
    match docker.create_container(Some(options), body).await {
        Err(error) if !is_conflict(&error) => Err(failed(&format!("making `{name}`"), &error)),
        // One that an earlier run left does as well.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Removes the mark of a volume that is there no more.
pub(super) async fn forget_unfinished(
    provider: &DockerProvider,
    volume: &str,
) -> Result<(), ApplyError> {
    let live = provider.engine.docker.inspect_volume(volume).await;
    let live = found(live).map_err(|error| failed(&format!("looking at `{volume}`"), &error))?;
    if live.is_none() {
        remove_named(provider, &format!("{volume}-{UNFINISHED}")).await?;
    }
    Ok(())
}

/// A carrier that is there.
pub(crate) struct Carrier<'a> {
    provider: &'a DockerProvider,
    name: String,
    id: String,
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
    /// Makes a carrier that fills a volume. One that an interrupted run left marks its volume as
    /// unfinished and stays.
    pub(super) async fn filling(
        provider: &'a DockerProvider,
        errand: &Errand<'_>,
    ) -> Result<Self, ApplyError> {
        let name = filling_name(errand.volume);
        match create(provider, &name, errand).await {
            Ok(id) => Ok(Self { provider, name, id }),
            Err(error) if is_conflict(&error) => Err(refused(
                format!("`{name}` appeared since the plan was made"),
                RUN_AGAIN,
            )),
            Err(error) => Err(failed(&format!("making `{name}`"), &error)),
        }
    }

    /// Makes a carrier that reads from a volume, instead of one that an interrupted run left.
    async fn reading(
        provider: &'a DockerProvider,
        errand: &Errand<'_>,
    ) -> Result<Self, ApplyError> {
        let name = format!("{}-{READING}", errand.volume);
        let made = match create(provider, &name, errand).await {
            Err(error) if is_conflict(&error) => {
                remove_named(provider, &name).await?;
                create(provider, &name, errand).await
            }
            made => made,
        };
        let id = made.map_err(|error| failed(&format!("making `{name}`"), &error))?;
        Ok(Self { provider, name, id })
    }

    /// Puts the content of a tar archive into the volume.
    pub(crate) async fn fill(&self, archive: Vec<u8>) -> Result<(), ApplyError> {
        let options = UploadToContainerOptionsBuilder::new().path(PATH).build();
        let body = bollard::body_full(archive.into());
        let docker = &self.provider.engine.docker;
        docker
            .upload_to_container(&self.id, Some(options), body)
            .await
            .map_err(|error| failed(&format!("filling a volume through `{}`", self.name), &error))
    }

    /// `None` when there is no such file.
    async fn read(&self, file: &str) -> Result<Option<String>, ApplyError> {
        let what = format!("reading `{file}` through `{}`", self.name);
        let docker = &self.provider.engine.docker;
        let archive = archive(docker, &self.id, &format!("{PATH}/{file}")).await;
        let Some(archive) = found(archive).map_err(|error| failed(&what, &error))? else {
            return Ok(None);
        };
        let text = first_file(&archive);
        text.map(Some)
            .map_err(|error| broken(format!("{what}: {error}"), None))
    }

    /// Removes the carrier.
    pub(crate) async fn remove(self) -> Result<(), ApplyError> {
        remove(self.provider, &self.name, &self.id).await
    }
}

async fn create(
    provider: &DockerProvider,
    name: &str,
    errand: &Errand<'_>,
) -> Result<String, Error> {
    let labels = passing_labels(&provider.fleet, errand.resource);
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
    let options = CreateContainerOptionsBuilder::new().name(name).build();
    let made = provider
        .engine
        .docker
        .create_container(Some(options), body)
        .await?;
    Ok(made.id)
}

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
    if !labels.contains_key(label::CARRIER) {
        return Err(refused(
            format!("`{name}` is in the way and is no left-over of an interrupted run"),
            "rename the agent that has this name",
        ));
    }
    let id = live.id.unwrap_or_else(|| name.to_owned());
    remove(provider, name, &id).await
}

/// With a carrier go the volumes without a name that its image made the engine add.
async fn remove(provider: &DockerProvider, name: &str, id: &str) -> Result<(), ApplyError> {
    let options = RemoveContainerOptionsBuilder::new()
        .force(true)
        .v(true)
        .build();
    found(
        provider
            .engine
            .docker
            .remove_container(id, Some(options))
            .await,
    )
    .map_err(|error| failed(&format!("removing `{name}`"), &error))?;
    Ok(())
}

/// Reads files of a volume that is there. Those that it does not have are left out.
pub(crate) async fn read_files<'f>(
    provider: &DockerProvider,
    errand: &Errand<'_>,
    files: &[&'f str],
) -> Result<BTreeMap<&'f str, Secret<String>>, ApplyError> {
    let carrier = Carrier::reading(provider, errand).await?;
    let mut contents = BTreeMap::new();
    let mut read = Ok(());
    for &file in files {
        match carrier.read(file).await {
            Ok(content) => contents.extend(content.map(|text| (file, Secret::new(text)))),
            Err(error) => {
                read = Err(error);
                break;
            }
        }
    }
    carrier.remove().await?;
    read.map(|()| contents)
}

/// The archive that the engine makes of the file at `path`. Of one that is too long, the beginning.
pub(crate) async fn archive(
    docker: &Docker,
    container: &str,
    path: &str,
) -> Result<Vec<u8>, Error> {
    let options = DownloadFromContainerOptionsBuilder::new()
        .path(path)
        .build();
    let mut chunks = docker.download_from_container(container, Some(options));
    let mut archive = Vec::new();
    while let Some(chunk) = chunks.try_next().await? {
        let room = ARCHIVE_BYTES_MAX - archive.len();
        archive.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if archive.len() == ARCHIVE_BYTES_MAX {
            break;
        }
    }
    Ok(archive)
}

/// The text of the first file in an archive.
pub(crate) fn first_file(archive: &[u8]) -> std::io::Result<String> {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type().is_file() {
            if entry.size() > FILE_BYTES_MAX {
                let why = format!("the file is longer than {FILE_BYTES_MAX} bytes");
                return Err(std::io::Error::other(why));
            }
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            return Ok(text);
        }
    }
    Err(std::io::Error::other("the engine sent no file"))
}
