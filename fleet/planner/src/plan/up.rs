//! The plan that makes a fleet what it should be.

use crate::model::{DesiredSet, Inventory, Kind, Plan, PlanReport, Reason, ResourceId};

use super::decide::{Decision, Decisions, carry_over, judge};
use super::leaving::{Fate, leaving};
use super::place::{Placed, no_port_left, place};
use super::sight::Sight;
use super::steps::spell_out;

/// The steps from what is to what should be.
///
/// A pure function: the same input gives the same plan, byte for byte, whatever the order of the
/// inventory's lists.
///
/// # Guarantees
/// - What could not be seen, what is not ours and what cannot be told apart is never touched, and
///   neither is what stands on it.
/// - Data volumes are never removed; those that the configuration no longer has are reported as
///   kept, and so are the logins of agents that are gone.
/// - A live object that is as it should be has no step.
pub fn plan(set: &DesiredSet, inventory: &Inventory) -> Plan {
    let sight = Sight::new(inventory);
    let Placed {
        resources,
        without_port,
    } = place(set, inventory);

    let decisions: Decisions<'_> = resources
        .iter()
        .map(|(&id, desired)| {
            let decision = if without_port.contains(id) {
                Decision::Blocked(no_port_left(set))
            } else {
                let seen = sight.at(id, Some(&desired.uid));
                judge(desired, seen, &inventory.facts)
            };
            (id.clone(), decision)
        })
        .collect();
    let decisions = carry_over(&resources, decisions);

    let mut report = PlanReport {
        foreign: sight.foreign(),
        ..PlanReport::default()
    };
    for (id, decision) in &decisions {
        match decision {
            Decision::Keep(_) => {
                report.unchanged.insert(id.clone());
            }
            Decision::Blocked(blocked) | Decision::BlockedBy { blocked, .. } => {
                report.blocked.insert(id.clone(), blocked.clone());
            }
            Decision::Create
            | Decision::Ensure { .. }
            | Decision::Start { .. }
            | Decision::Replace { .. } => {}
        }
    }
    let fate = |id: &ResourceId| {
        if set.resources.contains_key(id) {
            Fate::Ignored
        } else {
            fate(id.kind)
        }
    };
    let leaving = leaving(&sight, &Reason::NotInConfig, fate, &mut report);
    let steps = spell_out(&resources, &decisions, leaving);
    Plan {
        fleet: set.fleet.clone(),
        steps,
        report,
    }
}

/// What becomes of an object that the configuration no longer has. A login holds its agent's
/// schema, so it is data; images may be needed again and are nobody's.
fn fate(kind: Kind) -> Fate {
    match kind {
        Kind::Image => Fate::Ignored,
        Kind::Volume | Kind::Role => Fate::Kept,
        Kind::Network | Kind::Config | Kind::Secret | Kind::Datahub | Kind::Agent => Fate::Removed,
    }
}
