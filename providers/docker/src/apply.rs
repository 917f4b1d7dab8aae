//! Carries out one step, once.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use rivetos_fleet::FleetId;
use rivetos_fleet::label::{self, Identity};
use rivetos_fleet::model::{
    ContainerSpec, Desired, Fingerprint, Kind, Op, Owner, ResourceId, Spec, Step,
};
use rivetos_fleet::port::{Applied, ApplyError, Progress};

use bollard::models::Volume;

use crate::error::{broken, refused};
use crate::{DockerProvider, role};

mod carrier;
mod container;
mod files;
mod gate;
mod pull;
mod remove;
mod swap;
mod things;
mod update;
mod whose;

pub(crate) use carrier::{Errand, archive, first_file, read_files, unfinished_names};
pub(crate) use whose::look_up;

use swap::Stage;

/// Label that tells a volume from one of the same name that was there before.
const INCARNATION: &str = "io.rivetos.incarnation";

const RUN_AGAIN: &str = "run this again: a new plan takes it as it is now";

/// Does what `step` says.
pub(crate) async fn apply(
    provider: &DockerProvider,
    step: &Step,
    progress: Progress<'_>,
) -> Result<Applied, ApplyError> {
    match &step.op {
        Op::Create { desired } | Op::Ensure { desired } => make(provider, desired, progress).await,
        Op::Start {
            native_id,
            fingerprint,
        } => container::start(provider, &step.resource, native_id, fingerprint).await,
        Op::Update {
            native_id,
            fingerprint: planned,
            fields,
            desired,
        } => {
            let spec = container_of(desired)?;
            let update = update::Update {
                native_id,
                planned,
                fields,
                desired,
                spec,
            };
            update::update(provider, update).await
        }
        Op::Swap { old, desired } => {
            let stage = Stage::of(provider, step, progress);
            swap::swap(stage, old, desired, container_of(desired)?).await
        }
        Op::Confirm {
            native_id,
            fingerprint,
            old,
        } => {
            let stage = Stage::of(provider, step, progress);
            swap::confirm(stage, (native_id, fingerprint), old).await
        }
        Op::Adopt { .. } | Op::Forget { .. } => whose::change(provider, step).await,
        Op::Load { .. } => Err(broken(format!("{} is not planned yet", step.id), None)),
        Op::Remove {
            native_id,
            fingerprint,
            ..
        } => {
            match step.resource.kind {
                Kind::Datahub | Kind::Agent => progress.say("waiting for it to stop"),
                Kind::Network
                | Kind::Volume
                | Kind::Image
                | Kind::Config
                | Kind::Secret
                | Kind::Role => {}
            }
            remove::remove(provider, &step.resource, native_id, fingerprint).await
        }
    }
}

fn container_of(desired: &Desired) -> Result<&ContainerSpec, ApplyError> {
    match &desired.spec {
        Spec::Container(container) => Ok(container),
        Spec::Network(_)
        | Spec::Volume(_)
        | Spec::Files(_)
        | Spec::Image(_)
        | Spec::Process(_)
        | Spec::Role(_) => Err(broken(format!("{} is not a container", desired.id), None)),
    }
}

async fn make(
    provider: &DockerProvider,
    desired: &Desired,
    progress: Progress<'_>,
) -> Result<Applied, ApplyError> {
    match &desired.spec {
        Spec::Network(network) => things::create_network(provider, desired, network).await,
        Spec::Volume(volume) => things::create_volume(provider, desired, volume).await,
        Spec::Files(files) => files::create(provider, desired, files).await,
        Spec::Image(image) => pull::pull(provider, image, progress).await,
        Spec::Container(container) => container::create(provider, desired, container).await,
        Spec::Role(wanted) => role::ensure(provider, desired, wanted).await,
        Spec::Process(_) => Err(broken(
            format!("{} is a process; an engine runs containers", desired.id),
            None,
        )),
    }
}

/// What tells a volume from one of the same name that was there before it. The engine's own date
/// stands in on volumes that others made for us; it moves when the volume's folder is changed, so
/// nothing but "make sure of it again" may depend on it.
pub(crate) fn incarnation(volume: &Volume) -> String {
    let made = volume.labels.get(INCARNATION).cloned();
    made.or_else(|| volume.created_at.clone())
        .unwrap_or_default()
}

/// Changes whenever a volume is made anew.
pub(crate) fn volume_fingerprint(volume: &Volume) -> Fingerprint {
    let made = volume.labels.get(INCARNATION).map_or("", String::as_str);
    Fingerprint(format!("{} {made}", volume.name))
}

/// The labels of a new volume, and among them what tells it from its predecessors.
fn volume_labels(
    fleet: &FleetId,
    desired: &Desired,
) -> Result<(BTreeMap<String, String>, String), ApplyError> {
    let incarnation = random_hex::<8>()?;
    let mut labels = label::labels(fleet, desired);
    labels.insert(INCARNATION.to_owned(), incarnation.clone());
    Ok((labels, incarnation))
}

fn random_hex<const N: usize>() -> Result<String, ApplyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| broken(format!("the system gives no random bytes: {error}"), None))?;
    Ok(HEXLOWER.encode(&bytes))
}

/// Changes whenever a container is made anew or renamed.
pub(crate) fn container_fingerprint(id: &str, name: &str) -> Fingerprint {
    Fingerprint(format!("{id} {}", name.trim_start_matches('/')))
}

/// That the object `name` with these labels is the one that `desired` describes.
fn must_be<'a>(
    fleet: &FleetId,
    desired: &Desired,
    name: &str,
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<(), ApplyError> {
    let identity = Identity::from_labels(labels, fleet);
    refuse_others(&identity, name)?;
    if is_made_from(&identity, desired) {
        return Ok(());
    }
    Err(refused(
        format!("`{name}` is there and is not what was planned"),
        RUN_AGAIN,
    ))
}

/// Whether the object with these labels is the one that `desired` describes.
fn is_wanted<'a>(
    fleet: &FleetId,
    desired: &Desired,
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> bool {
    let identity = Identity::from_labels(labels, fleet);
    identity.owner == Owner::Ours && is_made_from(&identity, desired)
}

fn is_made_from(identity: &Identity, desired: &Desired) -> bool {
    identity.uid.as_ref() == Some(&desired.uid) && identity.spec_hash == Some(desired.spec.hash())
}

/// That the object `name` with these labels is the fleet's and has the identity of `desired`,
/// whatever it was made from.
fn must_be_same<'a>(
    fleet: &FleetId,
    desired: &Desired,
    name: &str,
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<(), ApplyError> {
    let identity = Identity::from_labels(labels, fleet);
    refuse_others(&identity, name)?;
    if identity.uid.as_ref() == Some(&desired.uid) {
        return Ok(());
    }
    Err(refused(
        format!("`{name}` is no longer {}", desired.id),
        RUN_AGAIN,
    ))
}

/// That the object `name` with these labels is the fleet's `resource`.
pub(crate) fn must_belong<'a>(
    fleet: &FleetId,
    resource: &ResourceId,
    name: &str,
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<(), ApplyError> {
    let identity = Identity::from_labels(labels, fleet);
    refuse_others(&identity, name)?;
    if identity.id.as_ref() == Some(resource) {
        return Ok(());
    }
    Err(refused(
        format!("`{name}` is no longer {resource}"),
        RUN_AGAIN,
    ))
}

/// That the object `name` with these labels is the fleet's.
pub(crate) fn must_be_ours<'a>(
    fleet: &FleetId,
    name: &str,
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<(), ApplyError> {
    refuse_others(&Identity::from_labels(labels, fleet), name)
}

fn refuse_others(identity: &Identity, name: &str) -> Result<(), ApplyError> {
    let whose = match &identity.owner {
        Owner::Ours => return Ok(()),
        Owner::OtherFleet(fleet) => format!("belongs to fleet `{fleet}`"),
        Owner::Foreign => "was not made by RivetOS".to_owned(),
    };
    Err(refused(
        format!("`{name}` is there and {whose}; nothing was done to it"),
        "rename or remove it, or choose another name",
    ))
}

/// The labels of what is made on the way to `resource` and does not stay.
fn passing_labels(fleet: &FleetId, resource: &ResourceId) -> Vec<(String, String)> {
    vec![
        (label::MANAGED_BY.to_owned(), label::MANAGER.to_owned()),
        (label::FLEET.to_owned(), fleet.to_string()),
        (label::CARRIER.to_owned(), resource.to_string()),
    ]
}
