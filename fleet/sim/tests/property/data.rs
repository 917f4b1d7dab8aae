//! Data and secrets.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rivetos_fleet::model::{Kind, Op, Owner, Protection, ResourceId, Risk, Step, TargetId, Uid};
use rivetos_fleet::{Approval, DataFate, Moment, SavedPlan, Teardown, plan_destroy};

use super::{assert_converged, config, data, ready_tale, seen_by, tale, teardown_of};
use crate::story::CANARY;
use crate::tale::{Event, Tale, fleet_id};

/// What has data, and who it is: objects of the fleet of the kinds that a fleet must never lose.
fn holding_data(tale: &Tale) -> BTreeSet<(TargetId, String, Option<Uid>)> {
    let mut all = tale.fleet.everything();
    all.retain(|(_, object)| object.owner == Owner::Ours && holds_data(object.id.kind));
    all.into_iter()
        .map(|(target, object)| (target, object.native_id, object.uid))
        .collect()
}

fn holds_data(kind: Kind) -> bool {
    matches!(kind, Kind::Volume | Kind::Role)
}

proptest! {
    #![proptest_config(config(48))]

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
        let mut left = tale.fleet.everything();
        left.retain(|(target, o)| layout.contains_key(target) && o.id.kind != Kind::Image);
        prop_assert_eq!(left, []);
    }

    /// Another name for the same agents moves no data and makes none: what holds it is the very
    /// object that was there, and only its label says the new name.
    #[test]
    fn a_new_name_keeps_the_data(
        tale in ready_tale(),
        names in prop::collection::btree_set(0..4_usize, 1..4),
        order in any::<u8>(),
    ) {
        tale.up(&[], 0);
        let before = holding_data(&tale);
        let mut tale = tale;
        for name in names {
            tale.happens(&Event::Rename(name));
        }
        tale.operator.build_images(&tale.fleet);
        for step in tale.plan().steps.iter().filter(|step| holds_data(step.resource.kind)) {
            let ends = matches!(step.op, Op::Create { .. } | Op::Swap { .. } | Op::Remove { .. });
            prop_assert!(!ends, "{}", step.id);
        }
        tale.up(&[], usize::from(order));
        assert_converged(&tale);
        prop_assert_eq!(holding_data(&tale), before);
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
