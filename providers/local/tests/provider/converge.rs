//! Planner, engine and provider together: what one `infra up` or `destroy` does to this host.

use std::fs;
use std::net::TcpStream;

use crate::world::{World, kill, runs, wait};
use rivetos_engine::{Events, Options, PARALLEL_DEFAULT, RunHeader, RunJournal, execute};
use rivetos_fleet::model::{Action, Field, FileContent, Kind, Plan, ResourceId, Spec};
use rivetos_fleet::model::{Inventories, Layout, TargetId};
use rivetos_fleet::{Approval, DataFate, PlanOptions, Teardown, plan, plan_destroy};
use tokio::sync::Notify;

pub(crate) async fn carry_out(world: &World, plan: Plan) {
    let yes = Approval::YesWithDataLoss {
        fleet: plan.fleet.to_string(),
    };
    let journal =
        RunJournal::begin(&world.home.path().join("runs"), &RunHeader::default()).unwrap();
    let options = Options {
        parallel: PARALLEL_DEFAULT,
        interrupted: &|| false,
        alarm: &Notify::new(),
        events: &Events::new(&|_| {}),
    };
    let plan = plan.approve(yes).unwrap();
    let report = execute(&world.provider, &plan, &journal, options).await;
    assert!(report.is_complete(), "{report:?}");
}

/// The steps of a plan for what is there now.
async fn preview(world: &World) -> Plan {
    let (layout, seen) = scene(world).await;
    let plan = plan(
        &world.desired.fleet,
        &layout,
        &seen,
        &PlanOptions::default(),
    );
    assert!(
        plan.report.blocked.is_empty() && plan.report.foreign.is_empty(),
        "{plan:?}"
    );
    plan
}

fn steps(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.0.as_str()).collect()
}

/// Brings the fleet up in as many steps as given and checks that nothing is left to do.
pub(crate) async fn up(world: &World, expected: usize) {
    let plan = preview(world).await;
    assert_eq!(plan.steps.len(), expected, "{:?}", steps(&plan));
    carry_out(world, plan).await;
    let left = preview(world).await;
    assert_eq!(steps(&left), Vec::<&str>::new(), "{left:?}");
}

pub(crate) async fn scene(world: &World) -> (Layout, Inventories) {
    let target = TargetId::local();
    let layout = Layout::from([(target.clone(), world.desired.clone())]);
    (layout, Inventories::from([(target, world.observe().await)]))
}

async fn destroy(world: &World, data: DataFate) {
    let (layout, seen) = scene(world).await;
    let teardown = Teardown {
        data,
        ..Teardown::default()
    };
    let plan = plan_destroy(&world.desired.fleet, &layout, &seen, &teardown);
    carry_out(world, plan).await;
}

#[tokio::test]
async fn a_fleet_comes_up_is_repaired_is_changed_and_goes() {
    let mut world = World::new();
    up(&world, 4).await;
    let port = world.see(Kind::Agent).await.unwrap().fields["port"].clone();
    fs::write(world.folder().join("data/store.db"), "everything").unwrap();

    // A supervisor that is gone is the only thing to repair.
    let supervisor = world.pid("supervisor").unwrap();
    kill(supervisor);
    wait(async || {
        if runs(supervisor) {
            Err("it runs".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
    up(&world, 1).await;

    // Another configuration replaces its folder and the agent, and nothing else.
    let agent = world.pid("agent").unwrap();
    let config = ResourceId::new(Kind::Config, "a");
    let Spec::Files(files) = &mut world.desired.resources.get_mut(&config).unwrap().spec else {
        unreachable!("configurations are files")
    };
    let text = "agents: { a: {} }\n".to_owned();
    files.files.insert(
        "rivet.config.yaml".to_owned(),
        FileContent::Text { text: text.clone() },
    );
    up(&world, 4).await;
    assert!(!runs(agent));
    let written = fs::read_to_string(world.folder().join("config/rivet.config.yaml")).unwrap();
    assert_eq!(written, text);
    assert_eq!(
        world.see(Kind::Agent).await.unwrap().fields["port"],
        port,
        "ports are kept"
    );

    let agent = world.pid("agent").unwrap();
    destroy(&world, DataFate::Keep).await;
    assert!(!runs(agent));
    up(&world, 3).await;
    assert_eq!(
        fs::read_to_string(world.folder().join("data/store.db")).unwrap(),
        "everything"
    );
    destroy(&world, DataFate::DeleteAll).await;
    assert!(!world.folder().exists());
}

#[tokio::test]
async fn an_agent_that_lost_its_supervisor_is_started_again_at_its_port() {
    let world = World::new();
    world.that_listens();
    up(&world, 4).await;
    let port = world.see(Kind::Agent).await.unwrap().fields["port"].clone();
    let Field::Text(number) = &port else {
        unreachable!("ports may be shown")
    };
    let address = format!("127.0.0.1:{number}");
    wait(async || connect(&address)).await;

    let (supervisor, orphan) = (world.pid("supervisor"), world.pid("agent").unwrap());
    kill(supervisor.unwrap());
    wait(async || {
        let plan = preview(&world).await;
        match plan.steps.as_slice() {
            [step] if step.action == Action::Start => Ok(()),
            _ => Err(format!("{plan}")),
        }
    })
    .await;
    assert_eq!(connect(&address), Ok(()), "the agent itself still runs");
    up(&world, 1).await;
    assert!(!runs(orphan));
    assert_eq!(world.see(Kind::Agent).await.unwrap().fields["port"], port);
    wait(async || connect(&address)).await;
}

fn connect(address: &str) -> Result<(), String> {
    match TcpStream::connect(address) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
