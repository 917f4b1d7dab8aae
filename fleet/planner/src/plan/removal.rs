//! The steps of objects that go.

use std::collections::{BTreeMap, BTreeSet};

use crate::FleetId;
use crate::model::{Kind, Op, Predecessor, ResourceId, Step, StepId, TargetId, Uid};

use super::footing;
use super::leaving::{Removal, RemovalOrder};
use super::steps::{cost, privilege, removal_risk};

/// One step for each removal, and one more for the predecessor that an object may still have;
/// what stands on something goes before it. `also_after` names further steps that must be done
/// before an object may go.
pub(super) fn removal_steps(
    fleet: &FleetId,
    (target, suffix): (&TargetId, &str),
    removals: &[Removal<'_>],
    also_after: impl Fn(&Removal<'_>) -> BTreeSet<StepId>,
) -> Vec<Step> {
    let ids = step_ids(removals, suffix);
    let born = Born::of(fleet, removals);
    let users = Users::of(removals, &ids, &born);
    let mut steps = Vec::with_capacity(removals.len());
    for (removal, id) in removals.iter().zip(&ids) {
        let mut after = also_after(removal);
        // Also what goes last: not all of its users have something newer, some go for good.
        users.collect(removal.known_as, &born.id(removal), &mut after);
        let object = removal.object;
        let goes = Predecessor {
            native_id: object.native_id.clone(),
            native_name: object.native_name.clone(),
            fingerprint: object.fingerprint.clone(),
        };
        steps.push(step(target, removal, (id.clone(), goes), after));
        if let Some(old) = &object.predecessor {
            let old_id = StepId(format!("{}#remove-old{suffix}", object.id));
            let after = BTreeSet::from([id.clone()]);
            steps.push(step(target, removal, (old_id, old.clone()), after));
        }
    }
    steps
}

fn step(
    target: &TargetId,
    removal: &Removal<'_>,
    (id, goes): (StepId, Predecessor),
    after: BTreeSet<StepId>,
) -> Step {
    let resource = removal.object.id.clone();
    let Predecessor {
        native_id,
        native_name,
        fingerprint,
    } = goes;
    Step {
        id,
        target: target.clone(),
        action: removal.action,
        op: Op::Remove {
            native_id,
            native_name,
            fingerprint,
        },
        reasons: removal.reasons.clone(),
        risk: removal_risk(resource.kind),
        needs: privilege(target, resource.kind),
        cost: cost(resource.kind),
        resource,
        after,
    }
}

/// Several objects may bear one address: incarnations of files.
fn step_ids(removals: &[Removal<'_>], suffix: &str) -> Vec<StepId> {
    let mut seen: BTreeMap<&ResourceId, usize> = BTreeMap::new();
    removals
        .iter()
        .map(|removal| {
            let id = &removal.object.id;
            let count = seen.entry(id).or_default();
            *count += 1;
            match *count {
                1 => StepId(format!("{id}#remove{suffix}")),
                n => StepId(format!("{id}#remove-{n}{suffix}")),
            }
        })
        .collect()
}

/// The names that objects were born with, where their labels say later ones. No configuration
/// tells any more what stands on what, and of two objects of one agent only one may have been made
/// again since it has another name.
struct Born<'a>(BTreeMap<Uid, &'a str>);

impl<'a> Born<'a> {
    fn of(fleet: &FleetId, removals: &'a [Removal<'_>]) -> Self {
        let objects = || removals.iter().map(|removal| removal.object);
        let renamed: BTreeSet<Kind> = objects()
            .filter(|object| object.uid != Some(Uid::derive(fleet, &object.id)))
            .map(|object| object.id.kind)
            .collect();
        if renamed.is_empty() {
            return Self(BTreeMap::new());
        }
        let names: BTreeSet<&str> = objects().map(|object| object.id.name.as_str()).collect();
        let uid = |kind, name: &str| Uid::derive(fleet, &ResourceId::new(kind, name));
        let all = names.into_iter();
        Self(
            all.flat_map(|name| renamed.iter().map(move |kind| (uid(*kind, name), name)))
                .collect(),
        )
    }

    /// The address that an object was born with, or else the one on its label.
    fn id(&self, removal: &Removal<'_>) -> ResourceId {
        let id = &removal.object.id;
        let uid = removal.object.uid.as_ref();
        match uid.and_then(|uid| self.0.get(uid)) {
            Some(name) => ResourceId::new(id.kind, *name),
            None => id.clone(),
        }
    }
}

/// Which removals stand on what.
struct Users<'a> {
    /// Told by what they were made after.
    told: BTreeMap<&'a ResourceId, Vec<&'a StepId>>,
    /// Told by their names alone.
    named: footing::Users<&'a StepId>,
}

impl<'a> Users<'a> {
    fn of(removals: &'a [Removal<'_>], ids: &'a [StepId], born: &Born<'_>) -> Self {
        let mut users = Self {
            told: BTreeMap::new(),
            named: footing::Users::new(),
        };
        for (removal, step) in removals.iter().zip(ids) {
            if matches!(removal.order, RemovalOrder::Last { .. }) {
                continue;
            }
            if let Some(after) = removal.after {
                for foundation in after {
                    users.told.entry(foundation).or_default().push(step);
                }
            } else {
                users.named.add(&born.id(removal), step);
            }
        }
        users
    }

    /// Those who stand on what is known by one address and was born with another.
    fn collect(&self, known_as: &ResourceId, foundation: &ResourceId, into: &mut BTreeSet<StepId>) {
        let told = self.told.get(known_as).into_iter().flatten();
        let named = self.named.of(foundation);
        into.extend(told.chain(named).map(|step| (*step).clone()));
    }
}
