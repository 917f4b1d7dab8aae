//! What is on one target and should be on another.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Kind, Op, ResourceId, Step, StepId, TargetId};

use super::footing::Users;
use super::join::Part;

/// An object that should be on another target.
pub(super) struct Move {
    /// The address that it bears here.
    pub(super) here: ResourceId,
    /// Where it should be.
    pub(super) to: TargetId,
    /// As what.
    pub(super) wanted: ResourceId,
}

/// What cannot come to be where it should be stays where it is, with all that it stands on.
pub(super) fn hold_blocked_moves(parts: &mut [Part]) {
    let blocked: BTreeMap<TargetId, BTreeSet<ResourceId>> = parts
        .iter()
        .map(|part| {
            let ids = part.report.blocked.keys().cloned().collect();
            (part.target.clone(), ids)
        })
        .collect();
    let mut stay: BTreeSet<StepId> = BTreeSet::new();
    for part in parts.iter_mut() {
        let held = held(part, &blocked);
        if held.is_empty() {
            continue;
        }
        part.steps.retain(|step| {
            let stays = is_removal(step) && held.contains(&step.resource);
            if stays {
                stay.insert(step.id.clone());
            }
            !stays
        });
    }
    if stay.is_empty() {
        return;
    }
    // Steps of other targets may have waited for them too.
    for step in parts.iter_mut().flat_map(|part| &mut part.steps) {
        step.after.retain(|id| !stay.contains(id));
    }
}

/// What stays on the target of `part`, because it cannot move or because something that stays
/// stands on it.
fn held(part: &Part, blocked: &BTreeMap<TargetId, BTreeSet<ResourceId>>) -> BTreeSet<ResourceId> {
    let mut held = BTreeSet::new();
    let mut users = Users::new();
    for moved in &part.moves {
        if blocked
            .get(&moved.to)
            .is_some_and(|ids| ids.contains(&moved.wanted))
        {
            users.add(&moved.here, ());
            held.insert(moved.here.clone());
        }
    }
    // In the order of steps whatever stands on something goes before it.
    for step in part.steps.iter().filter(|step| is_removal(step)) {
        if users.of(&step.resource).next().is_some() {
            users.add(&step.resource, ());
            held.insert(step.resource.clone());
        }
    }
    held
}

/// An agent must not run twice: it goes where it was before it comes to be where it should be.
pub(super) fn wait_for_moves(parts: &mut [Part]) {
    let mut gone: BTreeMap<(TargetId, ResourceId), BTreeSet<StepId>> = BTreeMap::new();
    for part in parts.iter() {
        let removals: BTreeMap<&ResourceId, &StepId> = part
            .steps
            .iter()
            .filter(|step| is_removal(step))
            .map(|step| (&step.resource, &step.id))
            .collect();
        for moved in part
            .moves
            .iter()
            .filter(|moved| moved.here.kind == Kind::Agent)
        {
            if let Some(step) = removals.get(&moved.here) {
                let there = (moved.to.clone(), moved.wanted.clone());
                gone.entry(there).or_default().insert((*step).clone());
            }
        }
    }
    for part in parts {
        for step in part
            .steps
            .iter_mut()
            .filter(|step| matches!(step.op, Op::Create { .. }))
        {
            let here = (part.target.clone(), step.resource.clone());
            step.after
                .extend(gone.get(&here).into_iter().flatten().cloned());
        }
    }
}

fn is_removal(step: &Step) -> bool {
    matches!(step.op, Op::Remove { .. })
}
