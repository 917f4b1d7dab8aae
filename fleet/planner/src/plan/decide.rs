//! What happens to each resource, before it is spelt out in steps.

use std::collections::BTreeMap;

use crate::class::{Class, class};
use crate::compare::{Verdict, compare};
use crate::model::{
    Action, Blocked, Desired, Field, ImageSource, ImageSpec, Kind, Observed, Reason, ResourceId,
    Spec, TargetFacts,
};

use super::place::Resources;
use super::sight::Seen;

/// What happens to one resource.
pub(super) enum Decision<'a> {
    /// Nothing: it is as it should be.
    Keep(Option<&'a Observed>),
    /// It comes to be.
    Create,
    /// It is made sure of in place.
    Ensure {
        action: Action,
        reasons: Vec<Reason>,
    },
    /// It is started.
    Start {
        object: &'a Observed,
        reasons: Vec<Reason>,
    },
    /// It is removed and made again.
    Replace {
        object: &'a Observed,
        reasons: Vec<Reason>,
    },
    /// Nothing may be done.
    Blocked(Blocked),
    /// Nothing may be done because of another resource, which is blocked by itself.
    BlockedBy { root: ResourceId, blocked: Blocked },
}

pub(super) type Decisions<'a> = BTreeMap<ResourceId, Decision<'a>>;

/// Judges one resource by itself.
pub(super) fn judge<'a>(desired: &Desired, seen: Seen<'a>, facts: &TargetFacts) -> Decision<'a> {
    match seen {
        Seen::Unclear(blocked) => Decision::Blocked(blocked),
        Seen::Absent => absent(desired),
        Seen::Ours(object) => {
            if let Spec::Image(image) = &desired.spec
                && let Some(blocked) = wrong_architecture(image, object, facts)
            {
                return Decision::Blocked(blocked);
            }
            present(desired, object)
        }
    }
}

fn absent(desired: &Desired) -> Decision<'static> {
    match &desired.spec {
        Spec::Role(_) => Decision::Ensure {
            action: Action::Create,
            reasons: vec![Reason::Missing],
        },
        Spec::Image(image) => match image.source {
            ImageSource::Registry => Decision::Create,
            ImageSource::Built => Decision::Blocked(Blocked {
                why: format!("the image `{}` is not there", image.reference),
                fix: "run `rivetos build`".to_owned(),
            }),
            ImageSource::Program => Decision::Blocked(Blocked {
                why: format!("the program `{}` is not there", image.reference),
                fix: "run `rivetos build`, or name the program with `--agent-bin`".to_owned(),
            }),
        },
        Spec::Network(_)
        | Spec::Volume(_)
        | Spec::Files(_)
        | Spec::Container(_)
        | Spec::Process(_) => Decision::Create,
    }
}

fn present<'a>(desired: &Desired, object: &'a Observed) -> Decision<'a> {
    let reasons = match compare(desired, object) {
        Verdict::Satisfied => return Decision::Keep(Some(object)),
        Verdict::Stopped(detail) => {
            return Decision::Start {
                object,
                reasons: vec![Reason::NotRunning { detail }],
            };
        }
        Verdict::Dormant(detail) => vec![Reason::Dormant { detail }],
        Verdict::Incomplete(detail) => vec![Reason::Incomplete { detail }],
        Verdict::Differs(reasons) => reasons,
    };
    match class(&desired.spec) {
        Class::InPlace => Decision::Ensure {
            action: Action::Update,
            reasons,
        },
        Class::Recreate => Decision::Replace { object, reasons },
        Class::DataLoss => Decision::Blocked(Blocked {
            why: format!(
                "`{}` is not as it should be and making it again would lose its data",
                object.native_name
            ),
            fix: "copy the data, remove it by hand, run this again, copy the data back".to_owned(),
        }),
    }
}

fn wrong_architecture(
    image: &ImageSpec,
    object: &Observed,
    facts: &TargetFacts,
) -> Option<Blocked> {
    let target = facts.architecture.as_ref()?;
    match object.fields.get("architecture")? {
        Field::Text(found) if found != target => Some(Blocked {
            why: format!(
                "the image `{}` is for {found} and the engine runs on {target}",
                image.reference
            ),
            fix: format!("build or pull it for {target}"),
        }),
        Field::Text(_) | Field::Keyed(_) | Field::Unknown => None,
    }
}

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
    while settled.values().any(is_blocked)
        && (block_dependants(desired, &mut settled) || block_foundations(desired, &mut settled))
    {
    }
    forget_unneeded_images(desired, &mut settled);
    settled
}

fn is_blocked(decision: &Decision<'_>) -> bool {
    matches!(decision, Decision::Blocked(_) | Decision::BlockedBy { .. })
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
        return absent(wanted);
    }
    let mut causes: Vec<Reason> = wanted
        .after
        .iter()
        .filter(|id| is_part_of_dependants(id.kind) && is_made_anew(decisions.get(*id)))
        .map(|id| Reason::DependsOn {
            resource: id.clone(),
        })
        .collect();
    if causes.is_empty() {
        return decision;
    }
    match decision {
        Decision::Keep(Some(object)) if class(&wanted.spec) == Class::Recreate => {
            Decision::Replace {
                object,
                reasons: causes,
            }
        }
        // What keeps data is never made again for another's sake.
        Decision::Keep(_) => match class(&wanted.spec) {
            Class::InPlace => Decision::Ensure {
                action: Action::Update,
                reasons: causes,
            },
            Class::Recreate | Class::DataLoss => decision,
        },
        Decision::Start {
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
        Decision::Create
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

fn is_made_anew(decision: Option<&Decision<'_>>) -> bool {
    matches!(decision, Some(Decision::Create | Decision::Replace { .. }))
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
        for foundation in wanted
            .after
            .iter()
            .filter(|id| is_part_of_dependants(id.kind))
        {
            if matches!(decisions.get(foundation), Some(Decision::Replace { .. })) {
                let why = format!("it must be replaced and {id}, which uses it, is blocked");
                decisions.insert(foundation.clone(), blocked_by(root.clone(), why));
                changed = true;
            }
        }
    }
    changed
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
    match decisions.get(id)? {
        Decision::Blocked(_) => Some(id.clone()),
        Decision::BlockedBy { root, .. } => Some(root.clone()),
        Decision::Keep(_)
        | Decision::Create
        | Decision::Ensure { .. }
        | Decision::Start { .. }
        | Decision::Replace { .. } => None,
    }
}

/// A missing image is fetched only for a container that is about to be made: one that is there
/// needs it no more.
fn forget_unneeded_images(desired: &Resources<'_>, decisions: &mut Decisions<'_>) {
    let unneeded: Vec<ResourceId> = decisions
        .iter()
        .filter(|(id, decision)| id.kind == Kind::Image && matches!(decision, Decision::Create))
        .map(|(id, _)| id)
        .filter(|image| {
            !desired
                .values()
                .any(|user| user.after.contains(image) && is_made_anew(decisions.get(&user.id)))
        })
        .cloned()
        .collect();
    for image in unneeded {
        decisions.insert(image, Decision::Keep(None));
    }
}
