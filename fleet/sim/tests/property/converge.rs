//! An `up` gets there, also when something fails on the way.

use proptest::prelude::*;
use proptest::sample::Index;
use rivetos_fleet::model::{Life, Observed, Op, Step, StepId};
use rivetos_fleet::{Approval, check_plan};
use rivetos_sim::{Fault, Mishap, Place};

use super::{assert_converged, config, data, ready_tale, seen_by};
use crate::tale::Event;

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
}
