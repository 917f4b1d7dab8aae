//! Folders with labels: data, configuration, secrets.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use rivetos_fleet::label::{Identity, labels};
use rivetos_fleet::model::{
    Desired, FileContent, FilesSpec, Fingerprint, Kind, Owner, Spec, VolumeSpec,
};
use rivetos_fleet::port::{Applied, ApplyError, ApplyErrorKind};

use super::{chain, check_planned, failed, refused};
use crate::folder::{self, Found};
use crate::log_file;
use crate::provider::LocalSettings;

/// Bytes of randomness in a generated secret; written as twice as many hex digits.
const GENERATED_BYTES: usize = 32;

pub(super) fn create_volume(
    settings: &LocalSettings,
    desired: &Desired,
    volume: &VolumeSpec,
) -> Result<Applied, ApplyError> {
    create(
        settings,
        desired,
        Path::new(&volume.native_name),
        BTreeMap::new,
    )
}

/// Makes sure of the volume; one that is there keeps what is in it and gets the labels that it
/// should have.
pub(super) fn ensure_volume(
    settings: &LocalSettings,
    desired: &Desired,
    volume: &VolumeSpec,
) -> Result<Applied, ApplyError> {
    let path = Path::new(&volume.native_name);
    let wanted = labels(&settings.fleet, desired);
    let Found::Labelled { labels, .. } = see(path)? else {
        return create_volume(settings, desired, volume);
    };
    let identity = Identity::from_labels(&labels, &settings.fleet);
    if identity.owner != Owner::Ours || identity.uid.as_ref() != Some(&desired.uid) {
        return Err(refused(path, "is not what the plan was made for"));
    }
    if labels == wanted {
        return Ok(Applied::AlreadySo);
    }
    folder::label(path, &wanted).map_err(|error| failed("label", path, &error))?;
    Ok(Applied::Changed)
}

/// Makes the folder at `path`, which bears nobody's labels, the one that `desired` describes.
pub(super) fn adopt(
    settings: &LocalSettings,
    desired: &Desired,
    path: &Path,
) -> Result<Applied, ApplyError> {
    let Spec::Volume(volume) = &desired.spec else {
        return Err(refused(path, "holds no data: let `up` make it"));
    };
    if path != Path::new(&volume.native_name) {
        return Err(ApplyError {
            message: format!(
                "{} is kept in `{}` and nowhere else",
                desired.id, volume.native_name
            ),
            hint: Some(format!("move `{}` there, then adopt that", path.display())),
            kind: ApplyErrorKind::Refused,
        });
    }
    match see(path)? {
        Found::Unlabelled if path.is_dir() => {}
        Found::Nothing | Found::Unlabelled => return Err(refused(path, "is no folder")),
        Found::Labelled { .. } => return Err(refused(path, "bears somebody's labels")),
    }
    let wanted = labels(&settings.fleet, desired);
    folder::label(path, &wanted).map_err(|error| failed("label", path, &error))?;
    Ok(Applied::Changed)
}

/// Takes our labels off the folder at `path`.
pub(super) fn forget(
    settings: &LocalSettings,
    path: &Path,
    planned: &Fingerprint,
) -> Result<Applied, ApplyError> {
    let Found::Labelled {
        labels,
        fingerprint,
    } = see(path)?
    else {
        return Ok(Applied::AlreadySo);
    };
    let identity = Identity::from_labels(&labels, &settings.fleet);
    check_planned(path, &identity, &fingerprint, planned)?;
    folder::unlabel(path).map_err(|error| failed("change", path, &error))?;
    Ok(Applied::Changed)
}

fn see(path: &Path) -> Result<Found, ApplyError> {
    folder::look(path).map_err(|error| failed("read", path, &error))
}

pub(super) fn create_files(
    settings: &LocalSettings,
    desired: &Desired,
    spec: &FilesSpec,
) -> Result<Applied, ApplyError> {
    let mut contents = BTreeMap::new();
    for (path, content) in &spec.files {
        contents.insert(path.clone(), bytes_of(settings, content)?);
    }
    create(settings, desired, Path::new(&spec.native_name), || contents)
}

pub(super) async fn remove(
    settings: &LocalSettings,
    path: &Path,
    planned: &Fingerprint,
) -> Result<Applied, ApplyError> {
    match folder::look(path).map_err(|error| failed("read", path, &error))? {
        Found::Nothing => return Ok(Applied::AlreadySo),
        Found::Unlabelled => return Err(refused(path, "is not ours: it carries no labels")),
        Found::Labelled {
            labels,
            fingerprint,
        } => {
            let identity = Identity::from_labels(&labels, &settings.fleet);
            check_planned(path, &identity, &fingerprint, planned)?;
            if identity.id.is_some_and(|id| id.kind == Kind::Volume) {
                remove_logs(path)?;
            }
        }
    }
    folder::remove(path)
        .await
        .map_err(|error| failed("remove", path, &error))?;
    if let Some(agent) = path.parent() {
        // The last one out takes the agent's folder along; the system refuses it to all others.
        let _ = fs::remove_dir(agent);
    }
    Ok(Applied::Changed)
}

/// The logs of an agent stay as long as its data.
fn remove_logs(data: &Path) -> Result<(), ApplyError> {
    let Some(agent) = data.parent() else {
        return Ok(());
    };
    for log in [log_file::path(agent), log_file::older_path(agent)] {
        match fs::remove_file(&log) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", &log, &error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn create(
    settings: &LocalSettings,
    desired: &Desired,
    path: &Path,
    contents: impl FnOnce() -> BTreeMap<String, Vec<u8>>,
) -> Result<Applied, ApplyError> {
    let wanted = labels(&settings.fleet, desired);
    match folder::look(path).map_err(|error| failed("read", path, &error))? {
        Found::Nothing => {}
        Found::Labelled { labels, .. } if labels == wanted => return Ok(Applied::AlreadySo),
        Found::Labelled { .. } | Found::Unlabelled => {
            return Err(refused(
                path,
                "is there already and was not when the plan was made",
            ));
        }
    }
    folder::make(path, &wanted, &contents()).map_err(|error| failed("make", path, &error))?;
    Ok(Applied::Changed)
}

fn bytes_of(settings: &LocalSettings, content: &FileContent) -> Result<Vec<u8>, ApplyError> {
    match content {
        FileContent::Text { text } => Ok(text.clone().into_bytes()),
        FileContent::Given { secret, .. } => match settings.secrets.resolve(secret) {
            Ok(value) => Ok(value.expose().clone().into_bytes()),
            Err(error) => Err(ApplyError {
                message: chain(&error),
                hint: Some("set it, then run it again".to_owned()),
                kind: ApplyErrorKind::Failed,
            }),
        },
        FileContent::Generated => generate()
            .map(String::into_bytes)
            .map_err(|error| ApplyError {
                message: format!("the system gives no randomness: {error}"),
                hint: None,
                kind: ApplyErrorKind::Failed,
            }),
    }
}

fn generate() -> Result<String, getrandom::Error> {
    let mut bytes = [0; GENERATED_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}
