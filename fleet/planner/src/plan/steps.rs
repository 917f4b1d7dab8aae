//! Decisions spelt out as steps, in an order that respects what needs what.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Action, Desired, Kind, Op, Reason, ResourceId, Risk, Spec, Step, StepId};

use super::decide::{Decision, Decisions};
use super::leaving::{Removal, stands_on};
use super::place::Resources;

impl Removal<'_> {
    fn step_id(&self) -> StepId {
        step_id(&self.object.id, "remove")
    }

    /// Whether `foundation` must not go before this object.
    fn stands_on(&self, foundation: &ResourceId) -> bool {
        match self.after {
            Some(after) => after.contains(foundation),
            None => stands_on(&self.object.id, foundation),
        }
    }
}

/// The steps for `decisions` and for the objects that go for good, ordered.
pub(super) fn spell_out(
    desired: &Resources<'_>,
    decisions: &Decisions<'_>,
    leaving: Vec<Removal<'_>>,
) -> Vec<Step> {
    let mut removals = leaving;
    for (id, decision) in decisions {
        if let (Decision::Replace { object, reasons }, Some(wanted)) = (decision, desired.get(id)) {
            removals.push(Removal {
                object,
                action: Action::Replace,
                reasons: reasons.clone(),
                after: Some(&wanted.after),
            });
        }
    }
    let mut steps = removal_steps(&removals, |id| pulls_for(id, desired, decisions));
    for (id, decision) in decisions {
        if let Some(wanted) = desired.get(id) {
            steps.extend(making_step(wanted, decision, desired, decisions));
        }
    }
    order(steps)
}

/// One step for each removal; what stands on something goes before it. `also_after` names further
/// steps that must be done before an object may go.
pub(super) fn removal_steps(
    removals: &[Removal<'_>],
    also_after: impl Fn(&ResourceId) -> BTreeSet<StepId>,
) -> Vec<Step> {
    removals
        .iter()
        .map(|removal| {
            let id = &removal.object.id;
            let mut after = also_after(id);
            after.extend(
                removals
                    .iter()
                    .filter(|other| other.stands_on(id))
                    .map(Removal::step_id),
            );
            Step {
                id: removal.step_id(),
                resource: id.clone(),
                action: removal.action,
                op: Op::Remove {
                    native_id: removal.object.native_id.clone(),
                    native_name: removal.object.native_name.clone(),
                    fingerprint: removal.object.fingerprint.clone(),
                },
                reasons: removal.reasons.clone(),
                risk: removal_risk(id.kind),
                after,
            }
        })
        .collect()
}

fn removal_risk(kind: Kind) -> Risk {
    match kind {
        Kind::Volume => Risk::DataLoss,
        Kind::Datahub | Kind::Agent => Risk::Downtime,
        Kind::Network | Kind::Image | Kind::Config | Kind::Secret | Kind::Role => Risk::None,
    }
}

fn making_step(
    wanted: &Desired,
    decision: &Decision<'_>,
    desired: &Resources<'_>,
    decisions: &Decisions<'_>,
) -> Option<Step> {
    let make = || Op::Create {
        desired: Box::new(wanted.clone()),
    };
    let (action, op, reasons) = match decision {
        Decision::Keep(_) | Decision::Blocked(_) | Decision::BlockedBy { .. } => return None,
        Decision::Create => (Action::Create, make(), vec![Reason::Missing]),
        Decision::Replace { reasons, .. } => (Action::Replace, make(), reasons.clone()),
        Decision::Ensure { action, reasons } => (
            *action,
            Op::Ensure {
                desired: Box::new(wanted.clone()),
            },
            reasons.clone(),
        ),
        Decision::Start { object, reasons } => {
            let op = Op::Start {
                native_id: object.native_id.clone(),
                fingerprint: object.fingerprint.clone(),
            };
            (Action::Start, op, reasons.clone())
        }
    };
    let mut after = BTreeSet::new();
    collect_waits(wanted, desired, decisions, &mut after);
    if action == Action::Replace {
        after.insert(step_id(&wanted.id, "remove"));
    }
    Some(Step {
        id: making_step_id(&wanted.id, decision)?,
        resource: wanted.id.clone(),
        action,
        op,
        reasons,
        risk: if action == Action::Replace {
            removal_risk(wanted.id.kind)
        } else {
            Risk::None
        },
        after,
    })
}

/// The steps that must be done before `wanted` is made: those of what it comes after, and where
/// one of these stays as it is, those of what that one comes after.
fn collect_waits(
    wanted: &Desired,
    desired: &Resources<'_>,
    decisions: &Decisions<'_>,
    into: &mut BTreeSet<StepId>,
) {
    for id in &wanted.after {
        match decisions
            .get(id)
            .and_then(|decision| making_step_id(id, decision))
        {
            Some(step) => {
                into.insert(step);
            }
            None => {
                if let Some(dependency) = desired.get(id) {
                    collect_waits(dependency, desired, decisions, into);
                }
            }
        }
    }
}

/// Pulls of the images of `id`. The old object stays until the new image is there.
fn pulls_for(
    id: &ResourceId,
    desired: &Resources<'_>,
    decisions: &Decisions<'_>,
) -> BTreeSet<StepId> {
    let after = desired.get(id).into_iter().flat_map(|wanted| &wanted.after);
    after
        .filter(|dependency| dependency.kind == Kind::Image)
        .filter_map(|image| making_step_id(image, decisions.get(image)?))
        .collect()
}

fn making_step_id(id: &ResourceId, decision: &Decision<'_>) -> Option<StepId> {
    match decision {
        Decision::Keep(_) | Decision::Blocked(_) | Decision::BlockedBy { .. } => None,
        Decision::Create | Decision::Replace { .. } => Some(step_id(id, "create")),
        Decision::Ensure { .. } => Some(step_id(id, "ensure")),
        Decision::Start { .. } => Some(step_id(id, "start")),
    }
}

fn step_id(id: &ResourceId, verb: &str) -> StepId {
    StepId(format!("{id}#{verb}"))
}

/// Orders steps so that each comes after what it waits for. Among those that could come next:
/// images first, then removals from the top down, then the rest from the ground up.
pub(super) fn order(mut steps: Vec<Step>) -> Vec<Step> {
    steps.sort_by(|a, b| (rank(a), &a.id).cmp(&(rank(b), &b.id)));
    // From here on a step is its place in this order.
    let places: BTreeMap<&StepId, usize> = steps
        .iter()
        .enumerate()
        .map(|(place, step)| (&step.id, place))
        .collect();
    let mut waits: Vec<usize> = steps.iter().map(|step| step.after.len()).collect();
    let mut waiters: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (place, step) in steps.iter().enumerate() {
        for cause in step.after.iter().filter_map(|cause| places.get(cause)) {
            waiters[*cause].push(place);
        }
    }
    let mut ready: BTreeSet<usize> = (0..steps.len())
        .filter(|place| waits[*place] == 0)
        .collect();
    let mut waiting: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some(place) = ready.pop_first() {
        for waiter in &waiters[place] {
            waits[*waiter] -= 1;
            if waits[*waiter] == 0 {
                ready.insert(*waiter);
            }
        }
        ordered.extend(waiting[place].take());
    }
    ordered
}

/// Phase, place within the phase, name.
fn rank(step: &Step) -> (u8, u8, &str) {
    let height = step.resource.kind as u8;
    let (phase, place) = match &step.op {
        Op::Remove { .. } => (1, u8::MAX - height),
        Op::Create { desired } if matches!(desired.spec, Spec::Image(_)) => (0, height),
        Op::Create { .. } | Op::Ensure { .. } | Op::Start { .. } => (2, height),
    };
    (phase, place, &step.resource.name)
}
