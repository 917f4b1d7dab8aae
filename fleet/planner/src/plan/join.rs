//! The plans of several targets as one.

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

/// One plan over all targets.
pub(super) fn join(fleet: &FleetId, layout: &Layout, mut parts: Vec<Part>) -> Plan {
    let several = parts.len() > 1;
    if several {
        hold_blocked_moves(&mut parts);
        wait_for_moves(&mut parts);
    }
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
        steps.extend(its);
        report
            .unchanged
            .extend(own.unchanged.into_iter().map(named));
        report.left_out.extend(own.left_out.into_iter().map(named));
        report
            .blocked
            .extend(own.blocked.into_iter().map(|(id, why)| (named(id), why)));
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
