//! A plan that is killed everywhere it can be.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rivetos_fleet::model::{Kind, Plan, TargetId};
use rivetos_fleet::{Approval, PlanOptions, plan};
use rivetos_sim::{Fault, Killed, Mishap, Place, SimFleet};

use super::fleet_id;
use crate::story::Operator;

/// For every step of `plan`, and for every number of calls that it makes: the tool is killed
/// there, run again, and must then have nothing left to do and all data still there. Nothing of
/// this happens to `fleet` itself.
pub(crate) fn everywhere(operator: &Operator, fleet: &SimFleet, plan: &Plan) -> String {
    let data = volumes(fleet);
    let mut text = String::new();
    for step in &plan.steps {
        let mut kills = 0;
        loop {
            let fleet = fleet.clone();
            let kill = Fault {
                at: Place::Step(step.id.clone()),
                mishap: Mishap::Killed { after_calls: kills },
            };
            let approved = plan.clone().approve(Approval::Yes).unwrap();
            let killed = fleet.execute(&approved, &[kill], |_| 0).killed;
            kills += 1;
            assert_ne!(killed, Killed::No, "{}", step.id);
            run_again(operator, &fleet);
            assert!(volumes(&fleet).is_superset(&data), "{}", step.id);
            if killed == Killed::After {
                break;
            }
        }
        writeln!(
            text,
            "killed at {kills} places of {}: as configured",
            step.id
        )
        .unwrap();
    }
    text
}

fn run_again(operator: &Operator, fleet: &SimFleet) {
    let layout = operator.desired();
    let look = || {
        plan(
            &fleet_id(),
            &layout,
            &fleet.look(&layout),
            &PlanOptions::default(),
        )
    };
    let approved = look().approve(Approval::Yes).unwrap();
    assert_eq!(fleet.execute(&approved, &[], |_| 0).failed, []);
    let rest = look();
    assert_eq!(rest.steps, [], "{rest}");
}

fn volumes(fleet: &SimFleet) -> BTreeSet<(TargetId, String)> {
    let everything = fleet.everything().into_iter();
    let volumes = everything.filter(|(_, object)| object.id.kind == Kind::Volume);
    volumes
        .map(|(target, object)| (target, object.native_id))
        .collect()
}
