//! Decisions spelt out as steps, in an order that respects what needs what.

use std::collections::{BTreeMap, BTreeSet};

use crate::FleetId;
use crate::model::{
    Action, Cost, Desired, DesiredSet, Kind, Observed, Op, Predecessor, Privilege, Reason,
    ResourceId, Risk, Spec, Step, StepId, TargetId,
};

use super::decide::{Decision, Decisions};
use super::leaving::{Removal, RemovalOrder};
use super::place::Resources;
use super::removal::removal_steps;

/// What follows the names of steps on `target`: nothing on the fleet's first one, so that a fleet
/// of one target knows no difference.
pub(super) fn suffix(target: &TargetId, first: Option<&TargetId>) -> String {
    if first.is_none_or(|first| first == target) {
        String::new()
    } else {
        format!("@{target}")
    }
}

/// What follows the names of steps on each target.
pub(super) type Suffixes<'a> = Vec<(&'a DesiredSet, String)>;

/// What comes after each resource.
pub(super) type Users<'a> = BTreeMap<&'a ResourceId, Vec<&'a ResourceId>>;

/// What comes after each of the `desired` resources, on whichever target.
pub(super) fn users<'a>(desired: &'a Resources<'_>) -> Users<'a> {
    let mut users = Users::new();
    for wanted in desired.values() {
        for foundation in &wanted.after {
            users.entry(foundation).or_default().push(&wanted.id);
        }
    }
    users
}

/// Writes the steps of one target. What was decided for the others is at hand, for steps may wait
/// for steps of another target.
pub(super) struct Writer<'a> {
    pub(super) fleet: &'a FleetId,
    pub(super) target: &'a TargetId,
    /// What should be on this target.
    pub(super) set: &'a DesiredSet,
    pub(super) suffix: &'a str,
    pub(super) suffixes: &'a Suffixes<'a>,
    pub(super) desired: &'a Resources<'a>,
    pub(super) decisions: &'a Decisions<'a>,
    pub(super) users: &'a Users<'a>,
}

impl<'a> Writer<'a> {
    /// The steps for the decisions and for the objects that go for good, ordered.
    pub(super) fn spell_out(&self, leaving: Vec<Removal<'a>>) -> Vec<Step> {
        // What is made again waits for the first removal at its address: these come first.
        let mut removals = Vec::new();
        for id in self.set.resources.keys() {
            if let (Some(Decision::Replace { object, reasons }), Some(wanted)) =
                (self.decisions.get(id), self.desired.get(id))
            {
                removals.push(Removal {
                    object,
                    known_as: id,
                    action: Action::Replace,
                    reasons: reasons.clone(),
                    after: Some(&wanted.after),
                    order: RemovalOrder::First,
                });
            }
        }
        removals.extend(leaving);
        let mut steps = removal_steps(
            self.fleet,
            (self.target, self.suffix),
            &removals,
            |removal| match &removal.order {
                RemovalOrder::First => self.pulls_for(removal.after),
                RemovalOrder::Last { of } => self
                    .users
                    .get(of)
                    .into_iter()
                    .flatten()
                    .chain([&of])
                    .filter_map(|user| self.making_step_id(user))
                    .collect(),
            },
        );
        steps.extend(
            self.set
                .resources
                .keys()
                .filter_map(|id| self.making_step(self.desired.get(id)?)),
        );
        order(steps)
    }

    fn making_step(&self, wanted: &Desired) -> Option<Step> {
        let decision = self.decisions.get(&wanted.id)?;
        let (action, op, reasons) = what(wanted, decision)?;
        let mut after = BTreeSet::new();
        self.collect_waits(wanted, &mut after);
        if let Decision::Replace { object, .. } = decision {
            // It goes under the address that it bears, which is another one when it was renamed.
            after.insert(StepId(format!("{}#remove{}", object.id, self.suffix)));
            if object.predecessor.is_some() {
                after.insert(StepId(format!("{}#remove-old{}", object.id, self.suffix)));
            }
        }
        let risk = match &op {
            Op::Swap { .. } | Op::Confirm { .. } => Risk::Downtime,
            Op::Create { .. } if action == Action::Replace => removal_risk(wanted.id.kind),
            Op::Create { .. }
            | Op::Load { .. }
            | Op::Ensure { .. }
            | Op::Update { .. }
            | Op::Start { .. }
            | Op::Remove { .. }
            | Op::Adopt { .. }
            | Op::Forget { .. } => Risk::None,
        };
        Some(Step {
            id: self.making_step_id(&wanted.id)?,
            target: self.target.clone(),
            resource: wanted.id.clone(),
            action,
            needs: privilege(self.target, wanted.id.kind),
            cost: cost(wanted.id.kind),
            op,
            reasons,
            risk,
            after,
        })
    }

    /// The steps that must be done before `wanted` is made: those of what it comes after, and where
    /// one of these stays as it is, those of what that one comes after.
    fn collect_waits(&self, wanted: &Desired, into: &mut BTreeSet<StepId>) {
        for id in &wanted.after {
            match self.making_step_id(id) {
                Some(step) => {
                    into.insert(step);
                }
                None => {
                    if let Some(dependency) = self.desired.get(id) {
                        self.collect_waits(dependency, into);
                    }
                }
            }
        }
    }

    /// Pulls of the images among what an object is made after. The old one stays until the new
    /// image is there.
    fn pulls_for(&self, after: Option<&BTreeSet<ResourceId>>) -> BTreeSet<StepId> {
        after
            .into_iter()
            .flatten()
            .filter(|dependency| dependency.kind == Kind::Image)
            .filter_map(|image| self.making_step_id(image))
            .collect()
    }

    fn making_step_id(&self, id: &ResourceId) -> Option<StepId> {
        let verb = match self.decisions.get(id)? {
            Decision::Keep(_)
            | Decision::LeftOut
            | Decision::Blocked(_)
            | Decision::BlockedBy { .. } => return None,
            Decision::Create | Decision::Succeed { .. } | Decision::Replace { .. } => "create",
            Decision::Load { .. } => "load",
            Decision::Ensure { .. } => "ensure",
            Decision::Update { .. } => "update",
            Decision::Start { .. } => "start",
            Decision::Confirm { .. } => "confirm",
            Decision::Swap { .. } => "swap",
        };
        Some(self.step_id(id, verb))
    }

    fn step_id(&self, id: &ResourceId, verb: &str) -> StepId {
        StepId(format!("{id}#{verb}{}", self.suffix_of(id)))
    }

    /// What follows the names of the steps of `id`, on whichever target it is.
    fn suffix_of(&self, id: &ResourceId) -> &str {
        if self.suffixes.len() == 1 || self.set.resources.contains_key(id) {
            return self.suffix;
        }
        let mut others = self.suffixes.iter();
        let other = others.find(|(set, _)| set.resources.contains_key(id));
        other.map_or(self.suffix, |(_, suffix)| suffix)
    }
}

/// What happens to a resource, by which operation, and why; `None` when nothing does.
fn what(wanted: &Desired, decision: &Decision<'_>) -> Option<(Action, Op, Vec<Reason>)> {
    let desired = || Box::new(wanted.clone());
    let make = || Op::Create { desired: desired() };
    Some(match decision {
        Decision::Keep(_)
        | Decision::LeftOut
        | Decision::Blocked(_)
        | Decision::BlockedBy { .. } => return None,
        Decision::Create => (Action::Create, make(), vec![Reason::Missing]),
        Decision::Load { from, image_id } => {
            let op = Op::Load {
                desired: desired(),
                from: from.clone(),
                image_id: image_id.clone(),
            };
            (Action::Create, op, vec![Reason::Missing])
        }
        Decision::Succeed { reasons } | Decision::Replace { reasons, .. } => {
            (Action::Replace, make(), reasons.clone())
        }
        Decision::Ensure { action, reasons } => {
            (*action, Op::Ensure { desired: desired() }, reasons.clone())
        }
        Decision::Update { object, reasons } => {
            let op = Op::Update {
                native_id: object.native_id.clone(),
                fingerprint: object.fingerprint.clone(),
                fields: changed_fields(reasons),
                desired: desired(),
            };
            (Action::Update, op, reasons.clone())
        }
        Decision::Swap { object, reasons } => {
            let op = Op::Swap {
                old: swapped(object),
                desired: desired(),
            };
            (Action::Replace, op, reasons.clone())
        }
        Decision::Confirm { object, old } => {
            let op = Op::Confirm {
                native_id: object.native_id.clone(),
                fingerprint: object.fingerprint.clone(),
                old: (*old).clone(),
            };
            (Action::Update, op, vec![Reason::Unconfirmed])
        }
        Decision::Start { object, reasons } => {
            let op = Op::Start {
                native_id: object.native_id.clone(),
                fingerprint: object.fingerprint.clone(),
            };
            (Action::Start, op, reasons.clone())
        }
    })
}

/// What a swap starts from. One that has not proved itself yet is not worth going back to.
fn swapped(object: &Observed) -> Predecessor {
    object.predecessor.clone().unwrap_or_else(|| Predecessor {
        native_id: object.native_id.clone(),
        native_name: object.native_name.clone(),
        fingerprint: object.fingerprint.clone(),
    })
}

fn changed_fields(reasons: &[Reason]) -> BTreeSet<String> {
    reasons
        .iter()
        .filter_map(Reason::change)
        .map(|change| change.field.clone())
        .collect()
}

pub(super) fn removal_risk(kind: Kind) -> Risk {
    match kind {
        Kind::Volume => Risk::DataLoss,
        Kind::Datahub | Kind::Agent => Risk::Downtime,
        Kind::Network | Kind::Image | Kind::Config | Kind::Secret | Kind::Role => Risk::None,
    }
}

pub(super) fn privilege(target: &TargetId, kind: Kind) -> Privilege {
    match kind {
        Kind::Role => Privilege::Database,
        Kind::Network
        | Kind::Volume
        | Kind::Image
        | Kind::Config
        | Kind::Secret
        | Kind::Datahub
        | Kind::Agent => {
            if *target == TargetId::local() {
                Privilege::User
            } else {
                Privilege::Engine
            }
        }
    }
}

pub(super) fn cost(kind: Kind) -> Cost {
    match kind {
        Kind::Image => Cost::Minutes,
        Kind::Datahub | Kind::Agent => Cost::Seconds,
        Kind::Network | Kind::Volume | Kind::Config | Kind::Secret | Kind::Role => Cost::Instant,
    }
}

/// Orders steps so that each comes after what it waits for, as far as that is among them. Among those that could come next:
/// images first, then removals from the top down, then the rest from the ground up.
pub(super) fn order(mut steps: Vec<Step>) -> Vec<Step> {
    steps.sort_by(|a, b| (rank(a), &a.id).cmp(&(rank(b), &b.id)));
    // From here on a step is its place in this order.
    let places: BTreeMap<&StepId, usize> = steps
        .iter()
        .enumerate()
        .map(|(place, step)| (&step.id, place))
        .collect();
    let mut waits: Vec<usize> = vec![0; steps.len()];
    let mut waiters: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (place, step) in steps.iter().enumerate() {
        for cause in step.after.iter().filter_map(|cause| places.get(cause)) {
            waiters[*cause].push(place);
            waits[place] += 1;
        }
    }
    let mut ready: BTreeSet<usize> = (0..steps.len())
        .filter(|place| waits[*place] == 0)
        .collect();
    let mut waiting: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some(place) = ready.pop_first() {
        for waiter in &waiters[place] {
            waits[*waiter] -= 1;
            if waits[*waiter] == 0 {
                ready.insert(*waiter);
            }
        }
        ordered.extend(waiting[place].take());
    }
    ordered
}

/// Phase, place within the phase, name.
fn rank(step: &Step) -> (u8, u8, &str) {
    let height = step.resource.kind as u8;
    let (phase, place) = match &step.op {
        Op::Remove { .. } => (1, u8::MAX - height),
        Op::Create { desired } if matches!(desired.spec, Spec::Image(_)) => (0, height),
        Op::Load { .. } => (0, height),
        Op::Create { .. }
        | Op::Ensure { .. }
        | Op::Update { .. }
        | Op::Swap { .. }
        | Op::Confirm { .. }
        | Op::Adopt { .. }
        | Op::Forget { .. }
        | Op::Start { .. } => (2, height),
    };
    (phase, place, &step.resource.name)
}
