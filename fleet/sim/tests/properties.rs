//! What holds for every plan, whatever happened before.

#![cfg(test)]

mod story;
mod tale;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;
use rivetos_config::Target;
use rivetos_fleet::model::{
    DesiredSet, ErrorScope, Inventory, InventoryError, Kind, Op, Owner, Plan, ResourceId, StepId,
};
use rivetos_fleet::{Approval, DataFate, check_plan};
use rivetos_sim::{Fault, Mishap, Place, SimWorld};
use story::CANARY;
use story::{plan, plan_destroy};
use tale::{CALLS_MAX, Event, Tale, event, killed};

fn tale() -> impl Strategy<Value = Tale> {
    (
        prop::sample::select(vec![Target::Docker, Target::Local]),
        prop::collection::vec(event(), 0..14),
    )
        .prop_map(|(target, events): (Target, Vec<Event>)| Tale::new(target, &events))
}

fn plan_of(tale: &Tale) -> (DesiredSet, Inventory, Plan) {
    let desired = tale.operator.desired();
    let inventory = tale.world.look(&desired);
    let plan = plan(&desired, &inventory);
    (desired, inventory, plan)
}

fn data(world: &SimWorld) -> BTreeSet<String> {
    let volumes = world
        .everything()
        .into_iter()
        .filter(|object| object.id.kind == Kind::Volume);
    volumes.map(|object| object.native_id).collect()
}

fn touched(plan: &Plan) -> BTreeSet<String> {
    plan.steps
        .iter()
        .filter_map(|step| match &step.op {
            Op::Start { native_id, .. } | Op::Remove { native_id, .. } => Some(native_id.clone()),
            Op::Create { .. }
            | Op::Ensure { .. }
            | Op::Update { .. }
            | Op::Swap { .. }
            | Op::Confirm { .. }
            | Op::Load { .. }
            | Op::Adopt { .. }
            | Op::Forget { .. } => None,
        })
        .collect()
}

fn assert_converged(tale: &Tale) {
    let (desired, _, plan) = plan_of(tale);
    assert_eq!(plan.steps, [], "{plan}");
    assert_eq!(
        plan.report.unchanged,
        desired.resources.into_keys().collect(),
        "{plan}"
    );
}

/// The step `at` fails: before it did anything, or because its answer was lost.
fn fails(at: StepId, answer_is_lost: bool) -> Fault {
    let mishap = if answer_is_lost {
        Mishap::FailsAfter
    } else {
        Mishap::FailsBefore
    };
    Fault {
        at: Place::Step(at),
        mishap,
    }
}

fn covers(scope: &ErrorScope, id: &ResourceId) -> bool {
    match scope {
        ErrorScope::Target => true,
        ErrorScope::Kind(kind) => *kind == id.kind,
        ErrorScope::Resource(resource) => resource == id,
    }
}

/// Whether `id` or something it stands on is covered by `scope`.
fn is_affected(desired: &DesiredSet, scope: &ErrorScope, id: &ResourceId) -> bool {
    covers(scope, id)
        || desired.resources.get(id).is_some_and(|wanted| {
            wanted
                .after
                .iter()
                .any(|cause| is_affected(desired, scope, cause))
        })
}

fn scope() -> impl Strategy<Value = (u8, Index)> {
    (0..3_u8, any::<Index>())
}

fn make_scope(desired: &DesiredSet, (sort, index): (u8, Index)) -> ErrorScope {
    let ids: Vec<&ResourceId> = desired.resources.keys().collect();
    match sort {
        0 => ErrorScope::Target,
        1 => ErrorScope::Kind(Kind::ALL[index.index(Kind::ALL.len())]),
        _ => ErrorScope::Resource(ids[index.index(ids.len())].clone()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Once images are there and nothing is in the way, one `up` is enough, in any order of
    /// independent steps, and no data goes.
    #[test]
    fn one_up_converges(tale in tale(), order in any::<u8>()) {
        tale.operator.build_images(&tale.world);
        let before = data(&tale.world);
        let (_, _, plan) = plan_of(&tale);
        prop_assert!(plan.report.blocked.is_empty(), "{plan}");
        prop_assert_eq!(check_plan(&plan), []);
        tale.up(&[], usize::from(order));
        assert_converged(&tale);
        prop_assert!(data(&tale.world).is_superset(&before));
    }

    /// A step that fails keeps back only what comes after it; the next `up` converges.
    #[test]
    fn a_failed_step_is_recovered_from(
        tale in tale(),
        which in any::<Index>(),
        lost in any::<bool>(),
    ) {
        tale.operator.build_images(&tale.world);
        let (_, _, plan) = plan_of(&tale);
        prop_assume!(!plan.steps.is_empty());
        let victim = plan.steps[which.index(plan.steps.len())].id.clone();
        let total = plan.steps.len();
        let approved = plan.approve(Approval::Yes).unwrap();
        let execution = tale.world.execute(&approved, &[fails(victim, lost)], |_| 0);
        prop_assert_eq!(execution.failed.len(), 1);
        prop_assert_eq!(execution.done.len() + execution.skipped.len() + 1, total);
        tale.up(&[], 0);
        assert_converged(&tale);
    }

    /// The order of an inventory means nothing, not a byte of the plan depends on it, and a plan
    /// survives being written down.
    #[test]
    fn the_order_of_an_inventory_means_nothing(
        tale in tale(),
        seed in any::<u64>(),
        scopes in prop::collection::vec(scope(), 0..3),
    ) {
        let desired = tale.operator.desired();
        let mut inventory = tale.world.look(&desired);
        inventory.errors = scopes
            .into_iter()
            .enumerate()
            .map(|(number, scope)| InventoryError {
                scope: make_scope(&desired, scope),
                message: format!("error {number}"),
            })
            .collect();
        let mut shuffled = inventory.clone();
        shuffle(&mut shuffled.observed, seed);
        shuffle(&mut shuffled.errors, seed);
        let json = |inventory| serde_json::to_string(&plan(&desired, inventory)).unwrap();
        prop_assert_eq!(json(&inventory), json(&shuffled));

        let destroy = |inventory| plan_destroy(&desired, inventory, DataFate::DeleteAll);
        prop_assert_eq!(destroy(&inventory), destroy(&shuffled));

        let plan = plan(&desired, &inventory);
        let again: Plan = serde_json::from_str(&json(&inventory)).unwrap();
        prop_assert_eq!(plan, again);
    }

    /// What cannot be seen, and what stands on it, is neither made nor removed.
    #[test]
    fn the_unseen_is_left_alone(tale in tale(), scope in scope()) {
        let desired = tale.operator.desired();
        let scope = make_scope(&desired, scope);
        tale.world.hide(InventoryError { scope: scope.clone(), message: "no answer".to_owned() });
        let (_, inventory, plan) = plan_of(&tale);
        prop_assert_eq!(check_plan(&plan), []);
        for step in &plan.steps {
            prop_assert!(!is_affected(&desired, &scope, &step.resource), "{plan}");
        }
        let destroy = plan_destroy(&desired, &inventory, DataFate::DeleteAll);
        prop_assert_eq!(check_plan(&destroy), []);
        for step in &destroy.steps {
            prop_assert!(!covers(&scope, &step.resource), "{destroy}");
        }
    }

    /// Objects of others are never touched, and neither is what stands on their names.
    #[test]
    fn strangers_are_left_alone(
        tale in tale(),
        squatted in prop::collection::vec((any::<Index>(), any::<bool>()), 1..4),
        order in any::<u8>(),
    ) {
        let desired = tale.operator.desired();
        let ids: Vec<&ResourceId> =
            desired.resources.keys().filter(|id| id.kind != Kind::Image).collect();
        for (index, nobody) in squatted {
            let owner = if nobody {
                Owner::Foreign
            } else {
                Owner::OtherFleet("office".parse().unwrap())
            };
            tale.world.squat(&desired, ids[index.index(ids.len())], owner);
        }
        let strangers = |world: &SimWorld| {
            let mut all = world.everything();
            all.retain(|object| object.owner != Owner::Ours && object.id.kind != Kind::Image);
            all
        };
        let before = strangers(&tale.world);
        let (_, inventory, plan) = plan_of(&tale);
        let destroy = plan_destroy(&desired, &inventory, DataFate::DeleteAll);
        for stranger in &before {
            prop_assert!(!touched(&plan).contains(&stranger.native_id));
            prop_assert!(!touched(&destroy).contains(&stranger.native_id));
        }
        tale.up(&[], usize::from(order));
        prop_assert_eq!(strangers(&tale.world), before);
    }

    /// Taking a fleet down leaves its data, and up again finds it; with consent nothing is left.
    #[test]
    fn down_keeps_data_and_up_finds_it(tale in tale()) {
        let fleet = tale.operator.desired();
        let look = || tale.world.look(&tale.operator.desired());
        let before = data(&tale.world);
        let approved =
            plan_destroy(&fleet, &look(), DataFate::Keep).approve(Approval::Yes).unwrap();
        prop_assert_eq!(tale.world.execute(&approved, &[], |_| 0).failed, []);
        prop_assert_eq!(&data(&tale.world), &before);
        prop_assert_eq!(plan_destroy(&fleet, &look(), DataFate::Keep).steps, []);

        tale.operator.build_images(&tale.world);
        tale.up(&[], 0);
        assert_converged(&tale);
        prop_assert!(data(&tale.world).is_superset(&before));

        let all = plan_destroy(&fleet, &look(), DataFate::DeleteAll);
        prop_assert!(all.clone().approve(Approval::Yes).is_err());
        let consent = Approval::YesWithDataLoss { fleet: fleet.fleet.to_string() };
        let approved = all.approve(consent).unwrap();
        prop_assert_eq!(tale.world.execute(&approved, &[], |_| 0).failed, []);
        let left = tale.world.everything();
        prop_assert!(left.iter().all(|object| object.id.kind == Kind::Image), "{left:?}");
    }

    /// Values of secrets are in nothing that is stored or shown.
    #[test]
    fn secrets_are_nowhere(tale in tale()) {
        let (_, _, plan) = plan_of(&tale);
        prop_assert!(!serde_json::to_string(&plan).unwrap().contains(CANARY));
        prop_assert!(!plan.to_string().contains(CANARY));
    }
}

proptest! {
    // Each case tries every step of its plan twice.
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// A kill before or in the middle of any step leaves a world from which the next `up`
    /// converges, with all data.
    #[test]
    fn a_kill_anywhere_is_recovered_from(tale in tale(), order in any::<u8>()) {
        tale.operator.build_images(&tale.world);
        let before = data(&tale.world);
        let steps = plan_of(&tale).2.steps.len();
        for number in 0..steps {
            for after_calls in 0..=CALLS_MAX {
                let tale = tale.clone();
                tale.up(&[killed(number, after_calls)], usize::from(order));
                tale.up(&[], 0);
                assert_converged(&tale);
                prop_assert!(data(&tale.world).is_superset(&before));
            }
        }
    }
}

/// Fisher and Yates with a linear congruential generator.
fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for i in (1..items.len()).rev() {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let j = usize::try_from(seed >> 33).unwrap() % (i + 1);
        items.swap(i, j);
    }
}
