//! Fleets with random pasts, and what is asked of them.

mod alone;
mod converge;
mod data;
mod kill;
mod lock;
mod order;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;
use rivetos_fleet::model::{
    ErrorScope, Fingerprint, Inventories, Kind, Layout, Op, Plan, ResourceId, Step, TargetId,
};
use rivetos_fleet::{DataFate, Teardown, plan_destroy};
use rivetos_sim::SimFleet;

use crate::tale::{Event, Home, Tale, event, fleet_id};

/// What once went wrong is tried first for ever: the seeds are kept beside `properties.rs`.
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
