//! The plan that takes a fleet down.

use std::collections::BTreeSet;

use crate::FleetId;
use crate::model::{
    Inventories, Inventory, Kind, Layout, Observed, Plan, PlanReport, Protection, Reason,
    ResourceId, Step, TargetId,
};

use super::join::{Part, join};
use super::leaving::{Fate, leaving};
use super::removal::removal_steps;
use super::sight::Sight;
use super::steps::{order, suffix};
use super::up::unseen;

/// How far a fleet is taken down.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Teardown {
    /// What becomes of its data volumes.
    pub data: DataFate,
    /// Protected volumes that may go all the same.
    pub unprotect: BTreeSet<ResourceId>,
}

/// What becomes of the data volumes of a fleet that is taken down.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DataFate {
    /// They stay.
    #[default]
    Keep,
    /// These go. The plan has then to be approved in the fleet's name.
    Delete(BTreeSet<ResourceId>),
    /// All of them go. The plan has then to be approved in the fleet's name.
    DeleteAll,
}

/// The steps that remove everything of the fleet, in reverse order of how it came to be.
///
/// # Guarantees
/// - Data volumes go only when [`Teardown::data`] says so and are reported as kept otherwise; a
///   protected one blocks the plan unless it is named in [`Teardown::unprotect`] too.
/// - Images stay: other fleets use them.
/// - Logins of the datahub go and stay with its volume and are not mentioned apart.
/// - What could not be seen blocks the plan: it would be left behind unnoticed. Where a whole kind
///   was not seen it is named `kind/*`.
pub fn plan_destroy(
    fleet: &FleetId,
    layout: &Layout,
    seen: &Inventories,
    teardown: &Teardown,
) -> Plan {
    let first = layout.keys().next();
    let parts = layout
        .keys()
        .map(|target| {
            let suffix = suffix(target, first);
            match seen.get(target) {
                Some(inventory) => part(fleet, (target, &suffix), inventory, teardown),
                None => part(fleet, (target, &suffix), &unseen(), teardown),
            }
        })
        .collect();
    join(fleet, layout, parts)
}

impl Plan {
    /// Whether it is one of [`plan_destroy`] with something to do.
    pub fn takes_down(&self) -> bool {
        let goes = |step: &Step| step.reasons.contains(&Reason::Destroy);
        !self.steps.is_empty() && self.steps.iter().all(goes)
    }
}

fn part(
    fleet: &FleetId,
    (target, suffix): (&TargetId, &str),
    inventory: &Inventory,
    teardown: &Teardown,
) -> Part {
    let sight = Sight::new(inventory);
    let mut report = PlanReport {
        foreign: sight.foreign(),
        blocked: sight.left_unseen(),
        ..PlanReport::default()
    };
    let removals = leaving(&sight, |object| fate(object, teardown), &mut report);
    let steps = order(removal_steps(fleet, (target, suffix), &removals, |_| {
        BTreeSet::new()
    }));
    Part {
        target: target.clone(),
        steps,
        report,
        moves: Vec::new(),
    }
}

fn fate(object: &Observed, teardown: &Teardown) -> Fate {
    let id = &object.id;
    match id.kind {
        Kind::Image | Kind::Role => Fate::Ignored,
        Kind::Volume => {
            let goes = match &teardown.data {
                DataFate::Keep => false,
                DataFate::Delete(named) => named.contains(id),
                DataFate::DeleteAll => true,
            };
            match object.protection {
                _ if !goes => Fate::Kept,
                Protection::Protected if !teardown.unprotect.contains(id) => Fate::Protected,
                Protection::Protected | Protection::None => Fate::Removed(Reason::Destroy),
            }
        }
        Kind::Network | Kind::Config | Kind::Secret | Kind::Datahub | Kind::Agent => {
            Fate::Removed(Reason::Destroy)
        }
    }
}
