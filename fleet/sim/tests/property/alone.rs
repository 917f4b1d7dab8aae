//! What is left alone.

use proptest::prelude::*;
use proptest::sample::Index;
use rivetos_fleet::model::{
    DesiredSet, ErrorScope, InventoryError, Kind, Layout, Observed, Owner, ResourceId, Step,
    TargetId,
};
use rivetos_fleet::{Approval, DataFate, check_plan};
use rivetos_sim::SimFleet;

use super::{config, make_scope, named, ready_tale, scope, seen_by, tale, teardown_of, touched};

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

/// Every address that is wanted, with its target.
fn places(layout: &Layout) -> Vec<(TargetId, ResourceId)> {
    layout
        .iter()
        .flat_map(|(target, set)| set.resources.keys().map(|id| (target.clone(), id.clone())))
        .collect()
}

proptest! {
    #![proptest_config(config(48))]

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
        // By their labels: not all that was renamed was made again.
        let mut ours = tale.fleet.everything();
        ours.retain(|(_, object)| {
            object.owner == Owner::Ours
                && matches!(object.id.kind, Kind::Agent | Kind::Volume | Kind::Network)
        });
        let (target, Observed { id, .. }) = &ours[which.index(ours.len())];
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
}
