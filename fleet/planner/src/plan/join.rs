//! The plans of several targets as one.

use std::collections::BTreeMap;

use crate::FleetId;
use crate::model::{Kind, Layout, Op, Plan, PlanReport, ResourceId, Step, StepId, TargetId};

use super::sight::ANY;
use super::steps::order;

/// What is planned on one target.
pub(super) struct Part {
    pub(super) target: TargetId,
    pub(super) steps: Vec<Step>,
    pub(super) report: PlanReport,
}

/// One plan over all targets.
pub(super) fn join(fleet: &FleetId, layout: &Layout, parts: Vec<Part>) -> Plan {
    let several = parts.len() > 1;
    let mut steps = Vec::new();
    let mut report = PlanReport::default();
    for part in parts {
        let Part {
            target,
            steps: its,
            report: own,
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
        wait_for_moves(&mut steps);
        steps = order(steps);
    }
    Plan {
        fleet: fleet.clone(),
        steps,
        report,
    }
}

/// An agent must not run twice: it goes where it was before it comes to be where it should be.
fn wait_for_moves(steps: &mut [Step]) {
    let gone: BTreeMap<ResourceId, Vec<(TargetId, StepId)>> = steps
        .iter()
        .filter(|step| matches!(step.op, Op::Remove { .. }) && step.resource.kind == Kind::Agent)
        .fold(BTreeMap::new(), |mut gone, step| {
            let removed = (step.target.clone(), step.id.clone());
            gone.entry(step.resource.clone())
                .or_insert_with(Vec::new)
                .push(removed);
            gone
        });
    for step in steps {
        if matches!(step.op, Op::Create { .. })
            && let Some(removals) = gone.get(&step.resource)
        {
            let elsewhere = removals.iter().filter(|(target, _)| *target != step.target);
            step.after.extend(elsewhere.map(|(_, id)| id.clone()));
        }
    }
}
