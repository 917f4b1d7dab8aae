//! Whose an object is, and who says so.

use std::collections::HashMap;

use rivetos_fleet::label::{Claim, Identity};
use rivetos_fleet::model::{
    Desired, Fields, Fingerprint, Kind, Life, Observed, Op, Owner, Protection, ResourceId, Step,
};
use rivetos_fleet::port::{Applied, ApplyError};

use super::container::{inspect, labels, name_of};
use super::remove::must_be_as_planned;
use super::{RUN_AGAIN, container_fingerprint, must_belong, refuse_others, volume_fingerprint};
use crate::DockerProvider;
use crate::claim::{About, Claims};
use crate::error::{broken, failed, found, refused};

/// What a claim is about.
struct Thing<'a> {
    resource: &'a ResourceId,
    native_id: &'a str,
    native_name: &'a str,
    planned: &'a Fingerprint,
}

/// Makes an object ours or nobody's.
pub(super) async fn change(provider: &DockerProvider, step: &Step) -> Result<Applied, ApplyError> {
    let resource = &step.resource;
    match &step.op {
        Op::Adopt {
            native_id,
            native_name,
            fingerprint: planned,
            desired,
        } => {
            let thing = Thing {
                resource,
                native_id,
                native_name,
                planned,
            };
            adopt(provider, &thing, desired).await
        }
        Op::Forget {
            native_id,
            native_name,
            fingerprint: planned,
        } => {
            let thing = Thing {
                resource,
                native_id,
                native_name,
                planned,
            };
            forget(provider, &thing).await
        }
        Op::Create { .. }
        | Op::Ensure { .. }
        | Op::Update { .. }
        | Op::Swap { .. }
        | Op::Confirm { .. }
        | Op::Load { .. }
        | Op::Start { .. }
        | Op::Remove { .. } => Err(broken(format!("{} changes no owner", step.id), None)),
    }
}

/// An object as the engine has it.
struct Live {
    id: String,
    name: String,
    labels: HashMap<String, String>,
    fingerprint: Fingerprint,
}

/// The object of `kind` that the engine calls `native_id`, whoever's it is.
async fn look(
    provider: &DockerProvider,
    kind: Kind,
    native_id: &str,
) -> Result<Option<Live>, ApplyError> {
    let docker = &provider.engine.docker;
    let fail = |error| failed(&format!("looking for `{native_id}`"), &error);
    match kind {
        Kind::Network => {
            let live = found(docker.inspect_network(native_id, None).await).map_err(fail)?;
            Ok(live.map(|live| {
                let id = live.id.unwrap_or_default();
                Live {
                    name: live.name.unwrap_or_default(),
                    labels: live.labels.unwrap_or_default(),
                    fingerprint: Fingerprint(id.clone()),
                    id,
                }
            }))
        }
        Kind::Volume | Kind::Config | Kind::Secret => {
            let live = found(docker.inspect_volume(native_id).await).map_err(fail)?;
            Ok(live.map(|live| Live {
                fingerprint: volume_fingerprint(&live),
                id: live.name.clone(),
                name: live.name,
                labels: live.labels,
            }))
        }
        Kind::Datahub | Kind::Agent => {
            let live = inspect(provider, native_id).await?;
            Ok(live.map(|live| {
                let id = live.id.clone().unwrap_or_default();
                Live {
                    name: name_of(&live).to_owned(),
                    labels: labels(&live),
                    fingerprint: container_fingerprint(&id, name_of(&live)),
                    id,
                }
            }))
        }
        Kind::Image | Kind::Role => Err(broken(
            format!("an object that is {kind} belongs to whoever uses it"),
            None,
        )),
    }
}

/// The object that may become `resource`, by the engine's name or id.
pub(crate) async fn look_up(
    provider: &DockerProvider,
    resource: &ResourceId,
    native_id: &str,
) -> Result<Option<Observed>, ApplyError> {
    let Some(live) = look(provider, resource.kind, native_id).await? else {
        return Ok(None);
    };
    let claims = Claims::read(provider).await?;
    let labels = claims.over(&live.id, live.labels, &provider.fleet);
    let identity = Identity::from_labels(&labels, &provider.fleet);
    Ok(Some(Observed {
        id: identity.id.unwrap_or_else(|| resource.clone()),
        uid: identity.uid,
        native_id: live.id,
        native_name: live.name,
        owner: identity.owner,
        spec_hash: identity.spec_hash,
        fields: Fields::new(),
        born: Fields::new(),
        life: Life::Present,
        predecessor: None,
        protection: Protection::None,
        fingerprint: live.fingerprint,
    }))
}

async fn look_again(provider: &DockerProvider, thing: &Thing<'_>) -> Result<Live, ApplyError> {
    let live = look(provider, thing.resource.kind, thing.native_id).await?;
    let live =
        live.ok_or_else(|| refused(format!("`{}` is gone", thing.native_name), RUN_AGAIN))?;
    must_be_as_planned(&live.name, &live.fingerprint, thing.planned)?;
    Ok(live)
}

/// Makes an object that is nobody's the fleet's, as it is.
async fn adopt(
    provider: &DockerProvider,
    thing: &Thing<'_>,
    desired: &Desired,
) -> Result<Applied, ApplyError> {
    let live = look_again(provider, thing).await?;
    let claims = Claims::read(provider).await?;
    let whose = Identity::from_labels(
        &claims.over(&live.id, live.labels.clone(), &provider.fleet),
        &provider.fleet,
    );
    if is(&whose, desired) {
        return Ok(Applied::AlreadySo);
    }
    if whose.owner != Owner::Foreign {
        refuse_others(&whose, &live.name)?;
        let other = whose.id.map(|id| id.to_string()).unwrap_or_default();
        return Err(refused(format!("`{}` is {other}", live.name), RUN_AGAIN));
    }
    claims.withdraw(provider, &live.id, Claim::Forget).await?;
    if is(
        &Identity::from_labels(&live.labels, &provider.fleet),
        desired,
    ) {
        return Ok(Applied::Changed);
    }
    let about = About {
        claim: Claim::Adopt,
        resource: &desired.id,
        uid: &desired.uid.0,
        native: &live.id,
    };
    claims.replace(provider, &about).await?;
    Ok(Applied::Changed)
}

fn is(identity: &Identity, desired: &Desired) -> bool {
    identity.owner == Owner::Ours && identity.uid.as_ref() == Some(&desired.uid)
}

/// Makes an object of the fleet nobody's, as it is.
async fn forget(provider: &DockerProvider, thing: &Thing<'_>) -> Result<Applied, ApplyError> {
    let live = look_again(provider, thing).await?;
    let claims = Claims::read(provider).await?;
    let seen = claims.over(&live.id, live.labels.clone(), &provider.fleet);
    let whose = Identity::from_labels(&seen, &provider.fleet);
    if whose.owner != Owner::Ours {
        return Ok(Applied::AlreadySo);
    }
    must_belong(&provider.fleet, thing.resource, &live.name, &seen)?;
    claims.withdraw(provider, &live.id, Claim::Adopt).await?;
    let by_label = Identity::from_labels(&live.labels, &provider.fleet).owner == Owner::Ours;
    if by_label {
        let about = About {
            claim: Claim::Forget,
            resource: thing.resource,
            uid: whose.uid.as_ref().map_or("", |uid| &uid.0),
            native: &live.id,
        };
        claims.replace(provider, &about).await?;
    }
    Ok(Applied::Changed)
}

/// Sees to it that a volume says whether it may be removed.
pub(super) async fn protect(
    provider: &DockerProvider,
    desired: &Desired,
    volume: &str,
    protection: Protection,
) -> Result<Applied, ApplyError> {
    let claims = Claims::read(provider).await?;
    let now = if claims.says(volume, Claim::Protect) {
        Protection::Protected
    } else {
        Protection::None
    };
    if now == protection {
        return Ok(Applied::AlreadySo);
    }
    match protection {
        Protection::None => claims.withdraw(provider, volume, Claim::Protect).await?,
        Protection::Protected => {
            let about = About {
                claim: Claim::Protect,
                resource: &desired.id,
                uid: &desired.uid.0,
                native: volume,
            };
            claims.replace(provider, &about).await?;
        }
    }
    Ok(Applied::Changed)
}
