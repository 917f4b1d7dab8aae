//! Volumes with immutable content: configuration and secrets.

use std::collections::BTreeSet;

use rivetos_fleet::model::{Desired, FileContent, FilesSpec};
use rivetos_fleet::port::{Applied, ApplyError};
use rivetos_fleet::{Secret, SecretResolver};

use super::carrier::{Carrier, Errand};
use super::{incarnation, must_be, random_hex, volume_labels};
use crate::DockerProvider;
use crate::error::{broken, failed};

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
    let archive = archive(files, provider.secrets.as_ref())?;
    let (labels, mine) = volume_labels(&provider.fleet, desired)?;
    let errand = Errand {
        resource: &desired.id,
        image,
        volume: &files.native_name,
        labels,
    };
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
    Ok(Applied::AlreadySo)
}

/// The files as the engine takes them.
fn archive(files: &FilesSpec, secrets: &dyn SecretResolver) -> Result<Vec<u8>, ApplyError> {
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
        let content = resolve(path, content, secrets)?;
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
