//! Plans that change nothing but whose an object is.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::model::{
    Action, DesiredSet, Kind, Layout, Observed, Op, Owner, Plan, PlanReport, Reason, ResourceId,
    Risk, Step, StepId, TargetId,
};

use super::steps::{cost, privilege};

/// Why an object can be neither adopted nor forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClaimError {
    /// The configuration does not have the address.
    #[error("the configuration has no {0}")]
    NotDesired(ResourceId),
    /// Objects of this kind are used and never owned, or live in another one.
    #[error("{0} cannot be adopted or forgotten")]
    WrongKind(ResourceId),
    /// There is something of ours at the address already.
    #[error("{id} is there already: `{native_name}`")]
    Occupied {
        /// The address.
        id: ResourceId,
        /// What is there.
        native_name: String,
    },
    /// The object belongs to a fleet.
    #[error("`{native_name}` belongs to fleet `{owner}`")]
    Owned {
        /// The object.
        native_name: String,
        /// Whose it is.
        owner: String,
    },
    /// Nothing of ours bears the address.
    #[error("nothing of this fleet is {0}")]
    Nothing(ResourceId),
}

/// The plan that makes `object`, which is nobody's, the resource `id` on `target` as it is.
/// `present` is what was seen on that target.
pub fn plan_adopt(
    layout: &Layout,
    (target, id): (&TargetId, &ResourceId),
    present: &[Observed],
    object: &Observed,
) -> Result<Plan, ClaimError> {
    claimable(id)?;
    let set = layout.get(target);
    let desired = set.and_then(|set| set.resources.get(id));
    let (Some(set), Some(desired)) = (set, desired) else {
        return Err(ClaimError::NotDesired(id.clone()));
    };
    if let Some(there) = ours(present, id) {
        return Err(ClaimError::Occupied {
            id: id.clone(),
            native_name: there.native_name.clone(),
        });
    }
    match &object.owner {
        Owner::Foreign => {}
        Owner::Ours => {
            return Err(ClaimError::Occupied {
                id: object.id.clone(),
                native_name: object.native_name.clone(),
            });
        }
        Owner::OtherFleet(fleet) => {
            return Err(ClaimError::Owned {
                native_name: object.native_name.clone(),
                owner: fleet.to_string(),
            });
        }
    }
    let op = Op::Adopt {
        native_id: object.native_id.clone(),
        native_name: object.native_name.clone(),
        fingerprint: object.fingerprint.clone(),
        desired: Box::new(desired.clone()),
    };
    Ok(one_step(set, (target, id), Action::Adopt, op))
}

/// The plan that makes the object at `id` on `target` nobody's, as it is.
pub fn plan_forget(
    layout: &Layout,
    (target, id): (&TargetId, &ResourceId),
    present: &[Observed],
) -> Result<Plan, ClaimError> {
    claimable(id)?;
    let object = ours(present, id).ok_or_else(|| ClaimError::Nothing(id.clone()))?;
    let set = layout
        .get(target)
        .ok_or_else(|| ClaimError::Nothing(id.clone()))?;
    let op = Op::Forget {
        native_id: object.native_id.clone(),
        native_name: object.native_name.clone(),
        fingerprint: object.fingerprint.clone(),
    };
    Ok(one_step(set, (target, id), Action::Forget, op))
}

fn claimable(id: &ResourceId) -> Result<(), ClaimError> {
    match id.kind {
        Kind::Image | Kind::Role => Err(ClaimError::WrongKind(id.clone())),
        Kind::Network
        | Kind::Volume
        | Kind::Config
        | Kind::Secret
        | Kind::Datahub
        | Kind::Agent => Ok(()),
    }
}

fn ours<'a>(present: &'a [Observed], id: &ResourceId) -> Option<&'a Observed> {
    present
        .iter()
        .find(|object| object.id == *id && object.owner == Owner::Ours)
}

fn one_step(
    set: &DesiredSet,
    (target, id): (&TargetId, &ResourceId),
    action: Action,
    op: Op,
) -> Plan {
    let verb = match action {
        Action::Adopt => "adopt",
        Action::Forget
        | Action::Create
        | Action::Update
        | Action::Replace
        | Action::Start
        | Action::Delete => "forget",
    };
    let step = Step {
        id: StepId(format!("{id}#{verb}")),
        target: target.clone(),
        resource: id.clone(),
        action,
        op,
        reasons: vec![Reason::Requested],
        risk: Risk::None,
        needs: privilege(target, id.kind),
        cost: cost(Kind::Network),
        after: BTreeSet::new(),
    };
    Plan {
        fleet: set.fleet.clone(),
        steps: vec![step],
        report: PlanReport::default(),
    }
}
