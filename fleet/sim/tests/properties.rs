//! What holds for every plan, whatever happened before.

#![cfg(test)]

mod story;
mod tale;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;
use rivetos_fleet::model::{
    DesiredSet, ErrorScope, Fingerprint, Inventories, InventoryError, Kind, Layout, Life, Observed,
    Op, Owner, Plan, Protection, ResourceId, Risk, Step, StepId, TargetId,
};
use rivetos_fleet::{
    Approval, DataFate, Moment, PlanOptions, SavedPlan, Teardown, check_plan, plan, plan_destroy,
};
use rivetos_sim::{Fault, Killed, Mishap, Place, SimFleet};
use story::CANARY;
use tale::{Event, Home, Tale, event, fleet_id, killed};

/// What once went wrong is tried first for ever: the seeds are kept beside this file.
fn config(cases: u32) -> ProptestConfig {
    let seeds = FileFailurePersistence::Direct("tests/properties.regressions");
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(seeds)),
        ..ProptestConfig::default()
    }
}

fn tale() -> impl Strategy<Value = Tale> {
    (
        prop::sample::select(vec![Home::Docker, Home::Docker, Home::Local, Home::Several]),
        prop::collection::vec(event(), 0..14),
    )
        .prop_map(|(home, events): (Home, Vec<Event>)| Tale::new(home, &events))
}

/// One that `up` can bring to its end: every image is there.
fn ready_tale() -> impl Strategy<Value = Tale> {
    tale().prop_map(|tale| {
        tale.operator.build_images(&tale.fleet);
        tale
    })
}

fn seen_by(tale: &Tale) -> (Layout, Inventories) {
    let layout = tale.operator.desired();
    let seen = tale.fleet.look(&layout);
    (layout, seen)
}

fn teardown_of(tale: &Tale, data: DataFate) -> Plan {
    let (layout, seen) = seen_by(tale);
    let teardown = Teardown {
        data,
        ..Teardown::default()
    };
    plan_destroy(&fleet_id(), &layout, &seen, &teardown)
}

fn data(fleet: &SimFleet) -> BTreeSet<(TargetId, String)> {
    let everything = fleet.everything().into_iter();
    let volumes = everything.filter(|(_, object)| object.id.kind == Kind::Volume);
    volumes
        .map(|(target, object)| (target, object.native_id))
        .collect()
}

/// The objects that a step names.
fn named(step: &Step) -> Vec<(&String, &Fingerprint)> {
    match &step.op {
        Op::Start {
            native_id,
            fingerprint,
        }
        | Op::Remove {
            native_id,
            fingerprint,
            ..
        }
        | Op::Update {
            native_id,
            fingerprint,
            ..
        }
        | Op::Adopt {
            native_id,
            fingerprint,
            ..
        }
        | Op::Forget {
            native_id,
            fingerprint,
            ..
        } => vec![(native_id, fingerprint)],
        Op::Swap { old, .. } => vec![(&old.native_id, &old.fingerprint)],
        Op::Confirm {
            native_id,
            fingerprint,
            old,
        } => {
            vec![(native_id, fingerprint), (&old.native_id, &old.fingerprint)]
        }
        Op::Create { .. } | Op::Ensure { .. } | Op::Load { .. } => Vec::new(),
    }
}

fn touched(plan: &Plan) -> BTreeSet<(TargetId, String)> {
    let steps = plan.steps.iter();
    steps
        .flat_map(|step| {
            named(step)
                .into_iter()
                .map(|(id, _)| (step.target.clone(), id.clone()))
        })
        .collect()
}

fn assert_converged(tale: &Tale) {
    let (layout, _) = seen_by(tale);
    let plan = tale.plan();
    assert_eq!(plan.steps, [], "{plan}");
    let wanted: BTreeSet<ResourceId> = layout
        .into_values()
        .flat_map(|set| set.resources.into_keys())
        .collect();
    assert_eq!(plan.report.unchanged, wanted, "{plan}");
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

fn scope() -> impl Strategy<Value = (Index, u8, Index)> {
    (any::<Index>(), 0..3_u8, any::<Index>())
}

fn make_scope(
    layout: &Layout,
    (target, sort, index): (Index, u8, Index),
) -> (TargetId, ErrorScope) {
    let targets: Vec<&TargetId> = layout.keys().collect();
    let target = targets[target.index(targets.len())];
    let ids: Vec<&ResourceId> = layout[target].resources.keys().collect();
    let scope = match sort {
        _ if ids.is_empty() => ErrorScope::Target,
        0 => ErrorScope::Target,
        1 => ErrorScope::Kind(Kind::ALL[index.index(Kind::ALL.len())]),
        _ => ErrorScope::Resource(ids[index.index(ids.len())].clone()),
    };
    (target.clone(), scope)
}

/// Every address that is wanted, with its target.
fn places(layout: &Layout) -> Vec<(TargetId, ResourceId)> {
    layout
        .iter()
        .flat_map(|(target, set)| set.resources.keys().map(|id| (target.clone(), id.clone())))
        .collect()
}

proptest! {
    #![proptest_config(config(48))]

    /// Once images are there and nothing is in the way, one `up` is enough, in any order of
    /// independent steps, and no data goes.
    #[test]
    fn one_up_converges(tale in ready_tale(), order in any::<u8>()) {
        let before = data(&tale.fleet);
        let plan = tale.plan();
        prop_assert!(plan.report.blocked.is_empty(), "{plan}");
        prop_assert_eq!(check_plan(&plan), []);
        tale.up(&[], usize::from(order));
        assert_converged(&tale);
        prop_assert!(data(&tale.fleet).is_superset(&before));
    }

    /// A step that fails keeps back only what comes after it; the next `up` converges.
    #[test]
    fn a_failed_step_is_recovered_from(
        tale in ready_tale(),
        which in any::<Index>(),
        lost in any::<bool>(),
    ) {
        let plan = tale.plan();
        prop_assume!(!plan.steps.is_empty());
        let victim = plan.steps[which.index(plan.steps.len())].id.clone();
        let total = plan.steps.len();
        let approved = plan.approve(Approval::Yes).unwrap();
        let execution = tale.fleet.execute(&approved, &[fails(victim, lost)], |_| 0);
        prop_assert_eq!(execution.failed.len(), 1);
        prop_assert_eq!(execution.done.len() + execution.skipped.len() + 1, total);
        tale.up(&[], 0);
        assert_converged(&tale);
    }

    /// When what takes an object's place does not prove itself, the very object that was there is
    /// back and runs, and nothing after it was done.
    #[test]
    fn a_failed_gate_brings_back_what_was_there(tale in ready_tale(), which in any::<Index>()) {
        tale.up(&[], 0);
        let mut tale = tale;
        tale.happens(&Event::Commit(7));
        tale.operator.build_images(&tale.fleet);
        let plan = tale.plan();
        let swaps: Vec<&Step> =
            plan.steps.iter().filter(|step| matches!(step.op, Op::Swap { .. })).collect();
        if swaps.is_empty() {
            return Ok(());
        }
        let swap = swaps[which.index(swaps.len())].clone();
        let Op::Swap { old, .. } = &swap.op else { unreachable!() };
        let fault = Fault { at: Place::Step(swap.id.clone()), mishap: Mishap::Unhealthy };
        let approved = plan.approve(Approval::Yes).unwrap();
        let execution = tale.fleet.execute(&approved, &[fault], |_| 0);
        prop_assert_eq!(execution.failed.len(), 1);
        let back: Vec<Observed> = tale.fleet.at(&swap.target).everything();
        let back: Vec<&Observed> =
            back.iter().filter(|object| object.id == swap.resource).collect();
        prop_assert_eq!(back.len(), 1);
        prop_assert_eq!(&back[0].native_id, &old.native_id);
        prop_assert_eq!(&back[0].native_name, &old.native_name);
        prop_assert_eq!(&back[0].life, &Life::Running);
        tale.up(&[], 0);
        assert_converged(&tale);
    }

    /// The order of an inventory means nothing, not a byte of the plan depends on it, and a plan
    /// survives being written down, also with words in it that a later version may add.
    #[test]
    fn the_order_of_an_inventory_means_nothing(
        tale in tale(),
        seed in any::<u64>(),
        scopes in prop::collection::vec(scope(), 0..3),
    ) {
        let (layout, mut seen) = seen_by(&tale);
        for (number, scope) in scopes.into_iter().enumerate() {
            let (target, scope) = make_scope(&layout, scope);
            let message = format!("error {number}");
            let errors = &mut seen.get_mut(&target).unwrap().errors;
            errors.push(InventoryError { scope, message });
        }
        let mut shuffled = seen.clone();
        for inventory in shuffled.values_mut() {
            shuffle(&mut inventory.observed, seed);
            shuffle(&mut inventory.errors, seed);
        }
        let options = PlanOptions::default();
        let json = |seen| {
            serde_json::to_value(plan(&fleet_id(), &layout, seen, &options)).unwrap()
        };
        prop_assert_eq!(json(&seen).to_string(), json(&shuffled).to_string());

        let teardown = Teardown { data: DataFate::DeleteAll, ..Teardown::default() };
        let destroy = |seen| plan_destroy(&fleet_id(), &layout, seen, &teardown);
        prop_assert_eq!(destroy(&seen), destroy(&shuffled));

        let plan = plan(&fleet_id(), &layout, &seen, &options);
        let mut written = json(&seen);
        let again: Plan = serde_json::from_value(written.clone()).unwrap();
        prop_assert_eq!(&plan, &again);
        written["of_a_later_version"] = true.into();
        for step in written["steps"].as_array_mut().unwrap() {
            step["of_a_later_version"] = true.into();
        }
        let again: Plan = serde_json::from_value(written).unwrap();
        prop_assert_eq!(&plan, &again);
    }

    /// What cannot be seen, and what stands on it, is neither made nor removed.
    #[test]
    fn the_unseen_is_left_alone(tale in tale(), scope in scope()) {
        let (layout, _) = seen_by(&tale);
        let (target, scope) = make_scope(&layout, scope);
        let message = "no answer".to_owned();
        tale.fleet.at(&target).hide(InventoryError { scope: scope.clone(), message });
        let plan = tale.plan();
        prop_assert_eq!(check_plan(&plan), []);
        for step in plan.steps.iter().filter(|step| step.target == target) {
            prop_assert!(!is_affected(&layout[&target], &scope, &step.resource), "{plan}");
        }
        let destroy = teardown_of(&tale, DataFate::DeleteAll);
        prop_assert_eq!(check_plan(&destroy), []);
        for step in destroy.steps.iter().filter(|step| step.target == target) {
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
        let (layout, _) = seen_by(&tale);
        let mut places = places(&layout);
        places.retain(|(_, id)| id.kind != Kind::Image);
        for (index, nobody) in squatted {
            let owner = if nobody {
                Owner::Foreign
            } else {
                Owner::OtherFleet("office".parse().unwrap())
            };
            let (target, id) = &places[index.index(places.len())];
            tale.fleet.at(target).squat(&layout[target], id, owner);
        }
        let strangers = |fleet: &SimFleet| {
            let mut all = fleet.everything();
            all.retain(|(_, o)| o.owner != Owner::Ours && o.id.kind != Kind::Image);
            all
        };
        let before = strangers(&tale.fleet);
        let plan = tale.plan();
        let destroy = teardown_of(&tale, DataFate::DeleteAll);
        for (target, stranger) in &before {
            let place = (target.clone(), stranger.native_id.clone());
            prop_assert!(!touched(&plan).contains(&place));
            prop_assert!(!touched(&destroy).contains(&place));
        }
        tale.up(&[], usize::from(order));
        prop_assert_eq!(strangers(&tale.fleet), before);
    }

    /// Objects that claim the same identity are told apart by nobody, so neither is touched.
    #[test]
    fn copies_are_left_alone(tale in ready_tale(), which in any::<Index>()) {
        tale.up(&[], 0);
        let (layout, _) = seen_by(&tale);
        let mut places = places(&layout);
        places.retain(|(_, id)| matches!(id.kind, Kind::Agent | Kind::Volume | Kind::Network));
        let (target, id) = &places[which.index(places.len())];
        let world = tale.fleet.at(target);
        world.copy(id);
        let twins: Vec<(TargetId, String)> = world
            .everything()
            .into_iter()
            .filter(|object| object.id == *id && object.owner == Owner::Ours)
            .map(|object| (target.clone(), object.native_id))
            .collect();
        prop_assert_eq!(twins.len(), 2);
        for plan in [tale.plan(), teardown_of(&tale, DataFate::DeleteAll)] {
            let touched = touched(&plan);
            prop_assert!(twins.iter().all(|twin| !touched.contains(twin)), "{plan}");
        }
    }

    /// Whatever somebody does to an object between the look and the step: nothing is done to it.
    #[test]
    fn what_changed_since_the_plan_is_left_alone(tale in ready_tale(), which in any::<Index>()) {
        let plan = tale.plan();
        let steps: Vec<&Step> =
            plan.steps.iter().filter(|step| !named(step).is_empty()).collect();
        prop_assume!(!steps.is_empty());
        let step = steps[which.index(steps.len())].clone();
        let (native_id, _) = named(&step)[0];
        let world = tale.fleet.at(&step.target);
        let find = || world.everything().into_iter().find(|o| o.native_id == *native_id);
        let before = find().unwrap();
        prop_assert!(world.drift(&before.id, "env.MEANWHILE", Some("1")));
        let changed = find().unwrap();
        prop_assume!(changed != before);
        tale.fleet.execute(&plan.approve(Approval::Yes).unwrap(), &[], |_| 0);
        prop_assert_eq!(find(), Some(changed));
    }

    /// An update names the fields that differ and no others, and changes nothing else.
    #[test]
    fn an_update_changes_what_differs(tale in ready_tale()) {
        let (layout, _) = seen_by(&tale);
        for step in &tale.plan().steps {
            let Op::Update { native_id, fields, desired, .. } = &step.op else { continue };
            let world = tale.fleet.at(&step.target);
            let find = || world.everything().into_iter().find(|o| o.native_id == *native_id);
            let before = find().unwrap();
            let wanted = desired.spec.fields();
            for name in fields {
                prop_assert_ne!(before.fields.get(name), wanted.get(name));
            }
            tale.fleet.clone().carry_out(step).unwrap();
            prop_assert!(layout[&step.target].resources.contains_key(&step.resource));
        }
    }

    /// Taking a fleet down leaves its data, and up again finds it; with consent nothing is left
    /// but what is protected.
    #[test]
    fn down_keeps_data_and_up_finds_it(tale in tale()) {
        let before = data(&tale.fleet);
        let approved = teardown_of(&tale, DataFate::Keep).approve(Approval::Yes).unwrap();
        prop_assert_eq!(tale.fleet.execute(&approved, &[], |_| 0).failed, []);
        prop_assert_eq!(&data(&tale.fleet), &before);
        prop_assert_eq!(teardown_of(&tale, DataFate::Keep).steps, []);

        tale.operator.build_images(&tale.fleet);
        tale.up(&[], 0);
        assert_converged(&tale);
        prop_assert!(data(&tale.fleet).is_superset(&before));

        let all = teardown_of(&tale, DataFate::DeleteAll);
        for step in &all.steps {
            prop_assert_eq!(step.risk == Risk::DataLoss, step.resource.kind == Kind::Volume);
        }
        prop_assert!(all.clone().approve(Approval::Yes).is_err());
        let consent = || Approval::YesWithDataLoss { fleet: fleet_id().to_string() };
        let (_, seen) = seen_by(&tale);
        // An agent that moved may have data of its address on several targets.
        let protected: BTreeSet<(TargetId, ResourceId)> = seen
            .iter()
            .flat_map(|(target, inventory)| inventory.observed.iter().map(move |o| (target, o)))
            .filter(|(_, object)| object.protection == Protection::Protected)
            .map(|(target, object)| (target.clone(), object.id.clone()))
            .collect();
        let refused = all.clone().approve(consent()).is_err();
        prop_assert_eq!(refused, !protected.is_empty());
        let place = |step: &Step| (step.target.clone(), step.resource.clone());
        prop_assert!(all.steps.iter().all(|step| !protected.contains(&place(step))));
        let (layout, seen) = seen_by(&tale);
        let unprotect = protected.into_iter().map(|(_, id)| id).collect();
        let teardown = Teardown { data: DataFate::DeleteAll, unprotect };
        let all = plan_destroy(&fleet_id(), &layout, &seen, &teardown);
        let approved = all.approve(consent()).unwrap();
        prop_assert_eq!(tale.fleet.execute(&approved, &[], |_| 0).failed, []);
        let left = tale.fleet.everything();
        prop_assert!(left.iter().all(|(_, o)| o.id.kind == Kind::Image), "{left:?}");
    }

    /// Values of secrets are in nothing that is stored or shown.
    #[test]
    fn secrets_are_nowhere(tale in tale()) {
        let plan = tale.plan();
        prop_assert!(!serde_json::to_string(&plan).unwrap().contains(CANARY));
        prop_assert!(!plan.to_string().contains(CANARY));
        let (layout, seen) = seen_by(&tale);
        let now = Moment { tool: "0.1.0", unix_ms: 0 };
        let saved = SavedPlan::seal(plan, (&layout, &seen), &tale.operator.key(), now);
        prop_assert!(!saved.to_json().contains(CANARY));
    }
}

proptest! {
    // Each case tries every step of its plan several times.
    #![proptest_config(config(12))]

    /// A kill before, in the middle of or after any step leaves a world from which the next `up`
    /// converges, with all data.
    #[test]
    fn a_kill_anywhere_is_recovered_from(tale in ready_tale(), order in any::<u8>()) {
        let before = data(&tale.fleet);
        let steps = tale.plan().steps.len();
        for number in 0..steps {
            for after_calls in 0.. {
                let tale = tale.clone();
                let execution = tale.up(&[killed(number, after_calls)], usize::from(order));
                tale.up(&[], 0);
                assert_converged(&tale);
                prop_assert!(data(&tale.fleet).is_superset(&before));
                if execution.killed != Killed::Within {
                    break;
                }
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
