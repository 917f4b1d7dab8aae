//! What the options of a plan leave out.

use std::collections::BTreeSet;

use crate::model::{Reason, ResourceId};

use super::carry::shaky_foundations;
use super::decide::{Decision, Decisions};
use super::options::{PlanOptions, Scope};
use super::place::Resources;

/// Takes back every decision that the operator does not want. `has_relatives` tells whether
/// something else of the same name is where a resource should be.
pub(super) fn select(
    desired: &Resources<'_>,
    decisions: &mut Decisions<'_>,
    options: &PlanOptions,
    has_relatives: impl Fn(&ResourceId) -> bool,
) {
    let needed = needed_by(desired, &options.only);
    let mut out: BTreeSet<ResourceId> = decisions
        .iter()
        .filter(|(id, decision)| {
            options.except.contains(*id)
                || (!options.only.is_empty() && !needed.contains(*id))
                || (options.scope == Scope::Drift && !is_drift(id, decision, &has_relatives))
        })
        .map(|(id, _)| id.clone())
        .collect();
    loop {
        let before = out.len();
        for (&id, wanted) in desired {
            let waits_for_nothing = wanted
                .after
                .iter()
                .any(|cause| out.contains(cause) && !is_idle(decisions, cause));
            if waits_for_nothing {
                out.insert(id.clone());
            }
            if out.contains(id) {
                out.extend(shaky_foundations(wanted, decisions));
            }
        }
        if out.len() == before {
            break;
        }
    }
    for id in out {
        if let Some(decision) = decisions.get_mut(&id)
            && !matches!(decision, Decision::Keep(_))
        {
            *decision = Decision::LeftOut;
        }
    }
}

fn is_idle(decisions: &Decisions<'_>, id: &ResourceId) -> bool {
    decisions
        .get(id)
        .is_none_or(|decision| matches!(decision, Decision::Keep(_)))
}

/// `roots` and all that they come after, directly or not.
fn needed_by<'d>(
    desired: &'d Resources<'_>,
    roots: &'d BTreeSet<ResourceId>,
) -> BTreeSet<&'d ResourceId> {
    let mut needed = BTreeSet::new();
    let mut next: Vec<&ResourceId> = roots.iter().collect();
    while let Some(id) = next.pop() {
        if needed.insert(id)
            && let Some(wanted) = desired.get(id)
        {
            next.extend(&wanted.after);
        }
    }
    needed
}

/// Whether the decision puts right what is no longer as it was made. Something that is missing
/// was removed by hand when others of its name are there.
fn is_drift(
    id: &ResourceId,
    decision: &Decision<'_>,
    has_relatives: impl Fn(&ResourceId) -> bool,
) -> bool {
    match decision {
        Decision::Create => has_relatives(id),
        Decision::Ensure { reasons, .. }
        | Decision::Update { reasons, .. }
        | Decision::Swap { reasons, .. }
        | Decision::Succeed { reasons }
        | Decision::Replace { reasons, .. } => reasons.iter().any(Reason::tells_drift),
        Decision::Start { .. }
        | Decision::Confirm { .. }
        | Decision::Keep(_)
        | Decision::LeftOut
        | Decision::Load { .. }
        | Decision::Blocked(_)
        | Decision::BlockedBy { .. } => true,
    }
}
