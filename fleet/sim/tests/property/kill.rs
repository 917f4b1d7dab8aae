//! Kills.

use proptest::prelude::*;
use rivetos_fleet::model::Kind;
use rivetos_fleet::{Approval, DataFate, Teardown, plan_destroy};
use rivetos_sim::{Fault, Killed};

use super::{assert_converged, config, data, ready_tale, seen_by};
use crate::tale::{Tale, fleet_id, killed};

proptest! {
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

    /// The same of a fleet that is taken down with its data: the next run ends it, and one that
    /// brings the fleet up again instead converges too.
    #[test]
    fn a_kill_of_a_teardown_is_recovered_from(tale in ready_tale(), order in any::<u8>()) {
        tale.up(&[], 0);
        let consent = || Approval::YesWithDataLoss { fleet: fleet_id().to_string() };
        let down = |tale: &Tale, faults: &[Fault]| {
            let (layout, seen) = seen_by(tale);
            let everything = seen.values().flat_map(|inventory| &inventory.observed);
            let unprotect = everything.map(|object| object.id.clone()).collect();
            let teardown = Teardown { data: DataFate::DeleteAll, unprotect };
            let plan = plan_destroy(&fleet_id(), &layout, &seen, &teardown);
            let steps = plan.steps.len();
            let approved = plan.approve(consent()).unwrap();
            let execution = tale.fleet.execute(&approved, faults, |_| usize::from(order));
            assert_eq!(execution.failed, []);
            (steps, execution.killed)
        };
        let (steps, _) = down(&tale.clone(), &[]);
        for number in 0..steps {
            for after_calls in 0.. {
                let tale = tale.clone();
                let (_, killed) = down(&tale, &[killed(number, after_calls)]);
                let up_instead = tale.clone();
                up_instead.operator.build_images(&up_instead.fleet);
                up_instead.up(&[], 0);
                assert_converged(&up_instead);
                down(&tale, &[]);
                let (layout, _) = seen_by(&tale);
                let mut left = tale.fleet.everything();
                left.retain(|(target, o)| layout.contains_key(target) && o.id.kind != Kind::Image);
                prop_assert_eq!(left, []);
                if killed != Killed::Within {
                    break;
                }
            }
        }
    }
}
