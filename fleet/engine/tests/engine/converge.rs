//! Whole fleets in a simulated world: what is left to do after a run, however it went.

use std::sync::atomic::{AtomicUsize, Ordering};

use rivetos_engine::{
    Events, ExecuteReport, Options, PARALLEL_DEFAULT, RunHeader, RunJournal, execute,
};
use rivetos_fleet::model::{
    DesiredSet, Inventories, Kind, Layout, Owner, Plan, ResourceId, Spec, TargetId,
};
use rivetos_fleet::{Approval, PlanOptions, Teardown, desired, plan, plan_destroy};
use rivetos_sim::SimWorld;
use tokio::sync::Notify;

use crate::support::resolve;

const FLEET: &str = "
fleet: home
runtime: {default_agent: ada}
agents:
  ada: {provider: rehearsal}
  bob: {provider: rehearsal}
providers:
  rehearsal: {}
deployment:
  target: docker
  datahub: {postgres: true}
";

/// A fleet and its world, with every image there.
fn begin() -> (DesiredSet, SimWorld) {
    let mut layout = desired(&resolve(FLEET).unwrap());
    let (_, set) = layout.pop_first().unwrap();
    let world = SimWorld::new(set.fleet.clone(), TargetId::docker(None));
    for wanted in set.resources.values() {
        if let Spec::Image(image) = &wanted.spec {
            world.build_image(&image.reference);
        }
    }
    (set, world)
}

/// Executes `plan` and interrupts it when it is asked the given number of times.
async fn run(world: &SimWorld, plan: Plan, interrupted_at: usize) -> ExecuteReport {
    let home = tempfile::tempdir().unwrap();
    let journal = RunJournal::begin(home.path(), &RunHeader::default()).unwrap();
    let asked = AtomicUsize::new(0);
    let options = Options {
        parallel: PARALLEL_DEFAULT,
        interrupted: &|| asked.fetch_add(1, Ordering::Relaxed) >= interrupted_at,
        alarm: &Notify::new(),
        events: &Events::new(&|_| {}),
    };
    execute(
        world,
        &plan.approve(Approval::Yes).unwrap(),
        &journal,
        options,
    )
    .await
}

fn preview(set: &DesiredSet, world: &SimWorld) -> Plan {
    let (layout, seen) = scene(set, world);
    plan(&set.fleet, &layout, &seen, &PlanOptions::default())
}

fn scene(set: &DesiredSet, world: &SimWorld) -> (Layout, Inventories) {
    let target = TargetId::docker(None);
    let layout = Layout::from([(target.clone(), set.clone())]);
    (layout, Inventories::from([(target, world.look(set))]))
}

const NEVER: usize = usize::MAX;

#[tokio::test]
async fn one_run_converges_and_destroy_leaves_the_data() {
    let (set, world) = begin();
    let report = run(&world, preview(&set, &world), NEVER).await;
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(preview(&set, &world).steps, []);
    let (layout, seen) = scene(&set, &world);
    let plan = plan_destroy(&set.fleet, &layout, &seen, &Teardown::default());
    assert!(run(&world, plan, NEVER).await.is_complete());
    let ours = |kind: Kind| {
        let everything = world.everything();
        everything
            .iter()
            .filter(|o| o.owner == Owner::Ours && o.id.kind == kind)
            .count()
    };
    // Three volumes, and two logins that live in one of them.
    let left = Kind::ALL.map(|kind| (kind, ours(kind)));
    let left: Vec<_> = left.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(left, [(Kind::Volume, 3), (Kind::Role, 2)]);
}

#[tokio::test]
async fn a_run_interrupted_anywhere_is_finished_by_the_next() {
    for interrupted_at in 0.. {
        let (set, world) = begin();
        let report = run(&world, preview(&set, &world), interrupted_at).await;
        assert!(
            report.failed.is_empty() && report.skipped.is_empty(),
            "{report:?}"
        );
        let rest = run(&world, preview(&set, &world), NEVER).await;
        assert!(rest.is_complete(), "{rest:?}");
        assert_eq!(
            rest.done.len(),
            report.not_started.len(),
            "nothing is done twice"
        );
        assert_eq!(preview(&set, &world).steps, []);
        if report.is_complete() {
            return;
        }
    }
}

#[tokio::test]
async fn a_stranger_that_came_after_the_plan_stops_only_what_needs_its_place() {
    let (set, world) = begin();
    let plan = preview(&set, &world);
    let volume = ResourceId::new(Kind::Volume, "bob");
    world.squat(&set, &volume, Owner::Foreign);
    let report = run(&world, plan, NEVER).await;
    let cause = report.failed.keys().next().unwrap();
    assert_eq!(
        (report.failed.len(), cause.0.as_str()),
        (1, "volume/bob#create")
    );
    let skipped: Vec<_> = report
        .skipped
        .iter()
        .map(|(step, why)| (step.0.as_str(), why))
        .collect();
    assert_eq!(skipped, [("agent/bob#create", cause)]);
    let left = preview(&set, &world);
    assert!(
        left.report
            .unchanged
            .contains(&ResourceId::new(Kind::Agent, "ada")),
        "{left:?}"
    );
    assert_eq!(left.report.foreign[0].resource, volume);
}
