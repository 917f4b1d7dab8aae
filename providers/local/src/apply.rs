//! Carries out one step.

mod agent;
mod files;
mod password;

pub(crate) use password::password;

use std::error::Error;
use std::io;
use std::path::Path;

use rivetos_fleet::label::Identity;
use rivetos_fleet::model::{Fingerprint, Kind, Op, Owner, Spec, Step};
use rivetos_fleet::port::{Applied, ApplyError, ApplyErrorKind, Progress};

use crate::provider::LocalSettings;

/// What takes the time of an agent's start.
const STARTING: &str = "waiting for its supervisor to start it";

/// Carries out `step`, once.
pub(crate) async fn apply(
    settings: &LocalSettings,
    step: &Step,
    progress: Progress<'_>,
) -> Result<Applied, ApplyError> {
    match &step.op {
        Op::Create { desired } | Op::Ensure { desired } => match &desired.spec {
            Spec::Volume(volume) if matches!(step.op, Op::Ensure { .. }) => {
                files::ensure_volume(settings, desired, volume)
            }
            Spec::Volume(volume) => files::create_volume(settings, desired, volume),
            Spec::Files(spec) => files::create_files(settings, desired, spec),
            Spec::Process(process) => {
                progress.say(STARTING);
                agent::create(settings, desired, process).await
            }
            Spec::Network(_) | Spec::Image(_) | Spec::Container(_) | Spec::Role(_) => {
                Err(not_here(step))
            }
        },
        Op::Start {
            native_id,
            fingerprint,
        } => match step.resource.kind {
            Kind::Agent => {
                progress.say(STARTING);
                agent::start(settings, Path::new(native_id), fingerprint).await
            }
            Kind::Network
            | Kind::Volume
            | Kind::Config
            | Kind::Secret
            | Kind::Image
            | Kind::Datahub
            | Kind::Role => Err(not_here(step)),
        },
        Op::Remove {
            native_id,
            fingerprint,
            ..
        } => {
            let path = Path::new(native_id);
            match step.resource.kind {
                Kind::Agent => {
                    progress.say("waiting for it to stop");
                    agent::remove(settings, path, fingerprint).await
                }
                Kind::Volume | Kind::Config | Kind::Secret => {
                    files::remove(settings, path, fingerprint).await
                }
                Kind::Network | Kind::Image | Kind::Datahub | Kind::Role => Err(not_here(step)),
            }
        }
        Op::Adopt {
            native_id, desired, ..
        } => files::adopt(settings, desired, Path::new(native_id)),
        Op::Forget {
            native_id,
            fingerprint,
            ..
        } => match step.resource.kind {
            Kind::Volume | Kind::Config | Kind::Secret => {
                files::forget(settings, Path::new(native_id), fingerprint)
            }
            Kind::Agent | Kind::Network | Kind::Image | Kind::Datahub | Kind::Role => {
                Err(not_here(step))
            }
        },
        Op::Update { .. } | Op::Swap { .. } | Op::Confirm { .. } | Op::Load { .. } => {
            Err(not_here(step))
        }
    }
}

fn not_here(step: &Step) -> ApplyError {
    ApplyError {
        message: format!("the local target cannot do that to `{}`", step.resource),
        hint: None,
        kind: ApplyErrorKind::Refused,
    }
}

pub(crate) fn failed(what: &str, path: &Path, error: &io::Error) -> ApplyError {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("make room on the disk, then run it again".to_owned())
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(format!(
            "check who owns `{}` and its parents",
            path.display()
        )),
        // The system's own words are the best there is for all others.
        _ => None,
    };
    ApplyError {
        message: format!("cannot {what} `{}`: {error}", path.display()),
        hint,
        kind: ApplyErrorKind::Failed,
    }
}

fn refused(path: &Path, why: &str) -> ApplyError {
    ApplyError {
        message: format!("`{}` {why}", path.display()),
        hint: Some("nothing was done to it; make a new plan".to_owned()),
        kind: ApplyErrorKind::Refused,
    }
}

/// Checks right before a change that the object is still the one that was planned on.
fn check_planned(
    path: &Path,
    identity: &Identity,
    found: &Fingerprint,
    planned: &Fingerprint,
) -> Result<(), ApplyError> {
    if identity.owner != Owner::Ours {
        return Err(refused(path, &format!("is not ours: {}", identity.owner)));
    }
    if found != planned {
        return Err(refused(path, "changed since the plan was made"));
    }
    Ok(())
}

/// An error with everything that caused it, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
