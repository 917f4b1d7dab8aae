//! Volumes with immutable content: configuration and secrets.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::query_parameters::ListVolumesOptionsBuilder;
use rivetos_fleet::label;
use rivetos_fleet::model::{Desired, FileContent, FilesSpec};
use rivetos_fleet::port::{Applied, ApplyError};
use rivetos_fleet::{Secret, SecretResolver};

use super::carrier::{Carrier, Errand, forget_unfinished, read_files, unfinished_names};
use super::{RUN_AGAIN, incarnation, must_be, random_hex, volume_labels};
use crate::DockerProvider;
use crate::error::{broken, failed, found, refused};

/// Whose the files are: the user that nodes run as.
const OWNER: u64 = 1000;
/// Only their owner reads them and nobody writes them.
const FILE_MODE: u32 = 0o400;
const FOLDER_MODE: u32 = 0o755;

/// How many random bytes a generated secret has.
const GENERATED_BYTES: usize = 32;

/// Makes the volume and fills it. Until the carrier is gone again the volume counts as unfinished.
pub(super) async fn create(
    provider: &DockerProvider,
    desired: &Desired,
    files: &FilesSpec,
) -> Result<Applied, ApplyError> {
    let Some(image) = &files.carrier_image else {
        return Err(broken(
            format!("{} names no image to fill it through", desired.id),
            None,
        ));
    };
    let kept = kept(provider, desired, (files, image)).await?;
    let archive = archive(files, &kept, provider.secrets.as_ref())?;
    let (labels, mine) = volume_labels(&provider.fleet, desired)?;
    let errand = Errand {
        resource: &desired.id,
        image,
        volume: &files.native_name,
        labels,
    };
    forget_unfinished(provider, &files.native_name).await?;
    let carrier = Carrier::filling(provider, &errand).await?;

    let name = &files.native_name;
    let volume = provider.engine.docker.inspect_volume(name).await;
    let volume = volume.map_err(|error| failed(&format!("looking at volume `{name}`"), &error))?;
    if incarnation(&volume) == mine {
        carrier.fill(archive).await?;
        carrier.remove().await?;
        return Ok(Applied::Changed);
    }
    // The volume was there before and nothing marks it as unfinished.
    carrier.remove().await?;
    must_be(&provider.fleet, desired, name, &volume.labels)?;
    if is_unfinished(provider, name).await? {
        let message = format!("`{name}` was left unfinished since the plan was made");
        return Err(refused(message, RUN_AGAIN));
    }
    Ok(Applied::AlreadySo)
}

/// What earlier incarnations of these files hold of those that exist in the target alone, so that
/// a password or token outlives every change of what lies beside it.
async fn kept<'f>(
    provider: &DockerProvider,
    desired: &Desired,
    (files, image): (&'f FilesSpec, &str),
) -> Result<BTreeMap<&'f str, Secret<String>>, ApplyError> {
    let generated: Vec<&str> = files
        .files
        .iter()
        .filter(|(_, content)| matches!(content, FileContent::Generated))
        .map(|(path, _)| path.as_str())
        .collect();
    if generated.is_empty() {
        return Ok(BTreeMap::new());
    }
    let Some(volume) = predecessor(provider, desired, &files.native_name).await? else {
        return Ok(BTreeMap::new());
    };
    let errand = Errand {
        resource: &desired.id,
        image,
        volume: &volume,
        labels: BTreeMap::new(),
    };
    read_files(provider, &errand, &generated).await
}

/// The newest finished volume with the same identity and another name.
async fn predecessor(
    provider: &DockerProvider,
    desired: &Desired,
    name: &str,
) -> Result<Option<String>, ApplyError> {
    let wanted = vec![
        format!("{}={}", label::MANAGED_BY, label::MANAGER),
        format!("{}={}", label::FLEET, provider.fleet),
        format!("{}={}", label::UID, desired.uid),
    ];
    let options = ListVolumesOptionsBuilder::new()
        .filters(&HashMap::from([("label", wanted)]))
        .build();
    let docker = &provider.engine.docker;
    let list = docker.list_volumes(Some(options)).await;
    let list = list.map_err(|error| failed("looking for earlier files", &error))?;
    let mut volumes = list.volumes.unwrap_or_default();
    volumes.retain(|volume| volume.name != name);
    volumes.sort_by(|a, b| (&b.created_at, &b.name).cmp(&(&a.created_at, &a.name)));
    for volume in volumes {
        if !is_unfinished(provider, &volume.name).await? {
            return Ok(Some(volume.name));
        }
    }
    Ok(None)
}

async fn is_unfinished(provider: &DockerProvider, volume: &str) -> Result<bool, ApplyError> {
    let docker = &provider.engine.docker;
    for name in unfinished_names(volume) {
        let mark = found(docker.inspect_container(&name, None).await)
            .map_err(|error| failed(&format!("looking for `{name}`"), &error))?;
        if mark.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The files as the engine takes them.
fn archive(
    files: &FilesSpec,
    kept: &BTreeMap<&str, Secret<String>>,
    secrets: &dyn SecretResolver,
) -> Result<Vec<u8>, ApplyError> {
    let mut archive = tar::Builder::new(Vec::new());
    let fail = |error: std::io::Error| broken(format!("packing the files failed: {error}"), None);
    for folder in folders(files) {
        let mut header = header(FOLDER_MODE, 0);
        header.set_entry_type(tar::EntryType::Directory);
        archive
            .append_data(&mut header, format!("{folder}/"), std::io::empty())
            .map_err(fail)?;
    }
    for (path, content) in &files.files {
        let made;
        let content = if let Some(kept) = kept.get(path.as_str()) {
            kept
        } else {
            made = resolve(path, content, secrets)?;
            &made
        };
        let bytes = content.expose().as_bytes();
        let mut header = header(FILE_MODE, bytes.len() as u64);
        archive
            .append_data(&mut header, path, bytes)
            .map_err(fail)?;
    }
    archive.into_inner().map_err(fail)
}

fn header(mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_uid(OWNER);
    header.set_gid(OWNER);
    header.set_size(size);
    header
}

/// Every folder that a file lies in, outermost first.
fn folders(files: &FilesSpec) -> BTreeSet<&str> {
    files
        .files
        .keys()
        .flat_map(|path| path.match_indices('/').map(|(end, _)| &path[..end]))
        .collect()
}

fn resolve(
    path: &str,
    content: &FileContent,
    secrets: &dyn SecretResolver,
) -> Result<Secret<String>, ApplyError> {
    match content {
        FileContent::Text { text } => Ok(Secret::new(text.clone())),
        FileContent::Generated => random_hex::<GENERATED_BYTES>().map(Secret::new),
        FileContent::Given { secret, .. } => secrets.resolve(secret).map_err(|error| {
            broken(
                format!("the secret for `{path}` cannot be had: {error}"),
                Some("set it where this command runs"),
            )
        }),
    }
}
