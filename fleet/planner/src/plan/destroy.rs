//! The plan that takes a fleet down.

use std::collections::BTreeSet;

use crate::FleetId;
use crate::model::{Inventory, Kind, Plan, PlanReport, Reason};

use super::leaving::{Fate, leaving};
use super::sight::Sight;
use super::steps::{order, removal_steps};

/// Whether taking a fleet down deletes its data too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Data volumes stay.
    KeepData,
    /// Data volumes go. The plan has then to be approved in the fleet's name.
    DeleteData,
}

/// The steps that remove everything of the fleet, in reverse order of how it came to be.
///
/// # Guarantees
/// - Data volumes go only with [`Consent::DeleteData`] and are reported as kept otherwise.
/// - Images stay: other fleets use them.
/// - Logins of the datahub go and stay with its volume and are not mentioned apart.
/// - What could not be seen blocks the plan: it would be left behind unnoticed. Where a whole kind
///   was not seen it is named `kind/*`.
pub fn plan_destroy(fleet: &FleetId, inventory: &Inventory, consent: Consent) -> Plan {
    let sight = Sight::new(inventory);
    let mut report = PlanReport {
        foreign: sight.foreign(),
        ..PlanReport::default()
    };
    report.blocked = sight.unseen_ids();
    report
        .blocked
        .retain(|id, _| !matches!(id.kind, Kind::Image | Kind::Role));
    let fate = |kind: Kind| match (kind, consent) {
        (Kind::Image | Kind::Role, _) => Fate::Ignored,
        (Kind::Volume, Consent::KeepData) => Fate::Kept,
        (Kind::Volume, Consent::DeleteData)
        | (Kind::Network | Kind::Config | Kind::Secret | Kind::Datahub | Kind::Agent, _) => {
            Fate::Removed
        }
    };
    let removals = leaving(&sight, &Reason::Destroy, |id| fate(id.kind), &mut report);
    let steps = order(removal_steps(&removals, |_| BTreeSet::new()));
    Plan {
        fleet: fleet.clone(),
        steps,
        report,
    }
}
