//! Decisions carried over from a resource to those that come after it, and to those that it
//! stands on.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::{Blocked, Desired, Kind, Life, Reason, ResourceId, Spec};

use super::decide::{Decision, Decisions, Making, absent_again, making};
use super::place::Resources;
use super::sight::incarnation_name;

/// Carries decisions over from a resource to those that come after it, until nothing changes.
pub(super) fn carry_over<'a>(desired: &Resources<'_>, decisions: Decisions<'a>) -> Decisions<'a> {
    let mut settled = Decisions::new();
    // In the order of addresses whatever a resource comes after is settled before it.
    for (id, decision) in decisions {
        let decision = match desired.get(&id) {
            Some(wanted) => follow(wanted, desired, decision, &settled),
            None => decision,
        };
        settled.insert(id, decision);
    }
    while settled.values().any(Decision::is_blocked)
        && (block_dependants(desired, &mut settled) || block_foundations(desired, &mut settled))
    {
    }
    settled
}

/// What becomes of a resource when something it is made from comes to be or is replaced.
fn follow<'a>(
    wanted: &Desired,
    desired: &Resources<'_>,
    decision: Decision<'a>,
    decisions: &Decisions<'a>,
) -> Decision<'a> {
    let is_seen = !matches!(decision, Decision::Blocked(_));
    if wanted.id.kind == Kind::Role && is_seen && lives_in_new_data(wanted, desired, decisions) {
        return absent_again(wanted);
    }
    let mut causes: Vec<Reason> = wanted
        .after
        .iter()
        .filter(|id| is_part_of_dependants(id.kind))
        .filter(|id| {
            is_made_in_place_of_itself(desired.get(*id), decisions.get(*id))
                || is_made_far_away(wanted, decisions.get(*id))
        })
        .map(|id| Reason::DependsOn {
            resource: id.clone(),
        })
        .collect();
    if causes.is_empty() {
        return decision;
    }
    match decision {
        Decision::Keep(Some(object)) => match making(wanted.id.kind) {
            Making::Anew => Decision::Replace {
                object,
                reasons: causes,
            },
            Making::InPlace => Decision::Ensure {
                action: crate::model::Action::Update,
                reasons: causes,
            },
            Making::Never => Decision::Keep(Some(object)),
        },
        Decision::Confirm { object, .. } => Decision::Replace {
            object,
            reasons: causes,
        },
        Decision::Start {
            object,
            mut reasons,
        }
        | Decision::Update {
            object,
            mut reasons,
        }
        | Decision::Swap {
            object,
            mut reasons,
        }
        | Decision::Replace {
            object,
            mut reasons,
        } => {
            reasons.append(&mut causes);
            Decision::Replace { object, reasons }
        }
        Decision::Keep(None)
        | Decision::LeftOut
        | Decision::Create
        | Decision::Load { .. }
        | Decision::Succeed { .. }
        | Decision::Ensure { .. }
        | Decision::Blocked(_)
        | Decision::BlockedBy { .. } => decision,
    }
}

/// Whether a live object must be made again when such a resource is. Images are compared by id; a
/// login and a running datahub are reached by name and outlive their replacement.
fn is_part_of_dependants(kind: Kind) -> bool {
    match kind {
        Kind::Network | Kind::Volume | Kind::Config | Kind::Secret => true,
        Kind::Image | Kind::Datahub | Kind::Role | Kind::Agent => false,
    }
}

/// Whether the object that dependants hold on to goes, or went, and another one takes its name. A
/// newer incarnation beside the old one bears another name, which dependants see by themselves;
/// so does one that was never finished, which nobody can hold on to.
fn is_made_in_place_of_itself(
    wanted: Option<&Cow<'_, Desired>>,
    decision: Option<&Decision<'_>>,
) -> bool {
    if matches!(decision, Some(Decision::Create)) {
        return true;
    }
    let Some(Decision::Replace { object, .. }) = decision else {
        return false;
    };
    let beside_others = wanted.is_some_and(|wanted| incarnation_name(wanted).is_some());
    !(beside_others && matches!(object.life, Life::Incomplete(_)))
}

/// Whether a login's secret is made on another target: there is no name in common that would show
/// the newer one.
fn is_made_far_away(wanted: &Desired, secret: Option<&Decision<'_>>) -> bool {
    let far = matches!(&wanted.spec, Spec::Role(role) if role.far.is_some());
    far && secret.is_some_and(Decision::makes_anew)
}

/// Whether the datahub starts with an empty volume: whatever was seen of a login in it is gone.
fn lives_in_new_data(role: &Desired, desired: &Resources<'_>, decisions: &Decisions<'_>) -> bool {
    role.after
        .iter()
        .filter(|id| id.kind == Kind::Datahub)
        .filter_map(|datahub| desired.get(datahub))
        .flat_map(|datahub| &datahub.after)
        .any(|id| id.kind == Kind::Volume && matches!(decisions.get(id), Some(Decision::Create)))
}

/// Blocks what comes after something that is blocked. Returns whether anything changed.
fn block_dependants(desired: &Resources<'_>, decisions: &mut Decisions<'_>) -> bool {
    let mut changed = false;
    for (&id, wanted) in desired {
        if root_of(decisions, id).is_some() {
            continue;
        }
        if let Some(root) = wanted
            .after
            .iter()
            .find_map(|cause| root_of(decisions, cause))
        {
            let why = format!("it needs {root}, which is blocked");
            decisions.insert(id.clone(), blocked_by(root, why));
            changed = true;
        }
    }
    changed
}

/// Blocks the replacement of something that a blocked resource is made from: that one may be alive
/// and must not lose its footing. Returns whether anything changed.
fn block_foundations(desired: &Resources<'_>, decisions: &mut Decisions<'_>) -> bool {
    let mut changed = false;
    for (&id, wanted) in desired {
        let Some(root) = root_of(decisions, id) else {
            continue;
        };
        for foundation in shaky_foundations(wanted, decisions) {
            let why = format!("it must be replaced and {id}, which uses it, is blocked");
            decisions.insert(foundation, blocked_by(root.clone(), why));
            changed = true;
        }
    }
    changed
}

/// What `wanted` is made from and what goes, or is to go, from under it.
pub(super) fn shaky_foundations(
    wanted: &Desired,
    decisions: &Decisions<'_>,
) -> BTreeSet<ResourceId> {
    let foundations = wanted
        .after
        .iter()
        .filter(|id| is_part_of_dependants(id.kind));
    foundations
        .filter(|id| {
            matches!(
                decisions.get(*id),
                Some(Decision::Replace { .. } | Decision::Succeed { .. })
            )
        })
        .cloned()
        .collect()
}

fn blocked_by(root: ResourceId, why: String) -> Decision<'static> {
    let fix = format!("see {root}");
    Decision::BlockedBy {
        root,
        blocked: Blocked { why, fix },
    }
}

/// The resource that blocks `id`: itself or another one. `None` when it is not blocked.
fn root_of(decisions: &Decisions<'_>, id: &ResourceId) -> Option<ResourceId> {
    let decision = decisions.get(id)?;
    if let Decision::BlockedBy { root, .. } = decision {
        return Some(root.clone());
    }
    decision.is_blocked().then(|| id.clone())
}

/// A missing image is fetched only for a container that is about to be made: one that is there
/// needs it no more.
pub(super) fn forget_unneeded_images(desired: &Resources<'_>, decisions: &mut Decisions<'_>) {
    let needed: BTreeSet<&ResourceId> = desired
        .values()
        .filter(|user| decisions.get(&user.id).is_some_and(Decision::makes_anew))
        .flat_map(|user| user.after.iter().filter(|id| id.kind == Kind::Image))
        .collect();
    let unneeded: Vec<ResourceId> = decisions
        .iter()
        .filter(|(id, decision)| {
            id.kind == Kind::Image
                && matches!(decision, Decision::Create | Decision::Load { .. })
                && !needed.contains(id)
        })
        .map(|(id, _)| id.clone())
        .collect();
    for image in unneeded {
        decisions.insert(image, Decision::Keep(None));
    }
}
