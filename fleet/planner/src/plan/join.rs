//! The plans of several targets as one.

use std::collections::{BTreeMap, BTreeSet};

use crate::FleetId;
use crate::model::{Layout, Plan, PlanReport, ResourceId, Step, TargetId};

use super::moves::{Move, hold_blocked_moves, wait_for_moves};
use super::sight::ANY;
use super::steps::order;

/// What is planned on one target.
pub(super) struct Part {
    pub(super) target: TargetId,
    pub(super) steps: Vec<Step>,
    pub(super) report: PlanReport,
    pub(super) moves: Vec<Move>,
}

/// What each target has steps for, where something is blocked on one of several.
fn worked_on(parts: &[Part]) -> BTreeMap<TargetId, BTreeSet<ResourceId>> {
    if parts.len() == 1 || parts.iter().all(|part| part.report.blocked.is_empty()) {
        return BTreeMap::new();
    }
    let of = |part: &Part| {
        part.steps
            .iter()
            .map(|step| step.resource.clone())
            .collect()
    };
    parts
        .iter()
        .map(|part| (part.target.clone(), of(part)))
        .collect()
}

/// One plan over all targets.
pub(super) fn join(fleet: &FleetId, layout: &Layout, mut parts: Vec<Part>) -> Plan {
    let several = parts.len() > 1;
    if several {
        hold_blocked_moves(&mut parts);
        wait_for_moves(&mut parts);
    }
    let worked_on = worked_on(&parts);
    let mut steps = Vec::new();
    let mut report = PlanReport::default();
    for part in parts {
        let Part {
            target,
            steps: its,
            report: own,
            moves: _,
        } = part;
        let named = |id: ResourceId| {
            let clear = layout
                .get(&target)
                .is_some_and(|set| set.resources.contains_key(&id));
            let elsewhere = layout
                .iter()
                .any(|(other, set)| *other != target && set.resources.contains_key(&id));
            if several && !clear && (elsewhere || id.name == ANY) {
                ResourceId::new(id.kind, format!("{}@{target}", id.name))
            } else {
                id
            }
        };
        // What leaves one target may be blocked on the one that it should be on.
        let told_apart = |id: ResourceId| {
            let works = |(other, ids): (&TargetId, &BTreeSet<ResourceId>)| {
                *other != target && ids.contains(&id)
            };
            if worked_on.iter().any(works) {
                ResourceId::new(id.kind, format!("{}@{target}", id.name))
            } else {
                named(id)
            }
        };
        steps.extend(its);
        report
            .unchanged
            .extend(own.unchanged.into_iter().map(named));
        report.left_out.extend(own.left_out.into_iter().map(named));
        report.blocked.extend(
            own.blocked
                .into_iter()
                .map(|(id, why)| (told_apart(id), why)),
        );
        report.foreign.extend(own.foreign);
        report.kept.extend(own.kept);
    }
    report.foreign.sort();
    report.kept.sort();
    if several {
        steps = order(steps);
    }
    Plan {
        fleet: fleet.clone(),
        steps,
        report,
    }
}
