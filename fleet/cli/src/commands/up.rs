//! `rivetos infra up`

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rivetos_engine::{Event, Events, Expected, Lease, Readiness, wait_ready};
use rivetos_fleet::model::{Action, FileContent, Op, Plan, ResourceId, Risk, Spec, Step};
use rivetos_fleet::{Approval, PlanOptions};
use rivetos_fleet::{SecretError, SecretResolver};
use thiserror::Error;

use super::{preview, saved};
use crate::apply::{Outcome, Run, locked};
use crate::consent::{self, ConsentError};
use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Edge, Failure, Printer, plan_text};
use crate::secrets::OperatorSecrets;
use crate::settings::{Globals, Up};
use crate::targets::Targets;

/// The name of this operation in locks and journals.
const OPERATION: &str = "infra up";

/// Why the fleet is not what its file says.
#[derive(Debug, Error)]
enum UpError {
    #[error("{} secret{} cannot be delivered", .0.len(), if .0.len() == 1 { "" } else { "s" })]
    Secrets(BTreeMap<ResourceId, SecretError>),
    #[error("{} of {all} agents not ready", late.len())]
    NotReady {
        late: BTreeMap<ResourceId, (String, Vec<String>)>,
        all: usize,
    },
    #[error("the fleet did not converge: every step was done, and there is still something to do")]
    NotConverged(Box<Plan>),
}

impl Edge for UpError {
    fn exit(&self) -> Exit {
        match self {
            Self::Secrets(_) => Exit::Usage,
            Self::NotReady { .. } | Self::NotConverged(_) => Exit::Failed,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Secrets(missing) => missing
                .iter()
                .map(|(id, error)| format!("{id}: {error}"))
                .collect(),
            Self::NotReady { late, .. } => late
                .iter()
                .map(|(node, (last, log))| {
                    let log = log.join("\n  | ");
                    let log = if log.is_empty() {
                        log
                    } else {
                        format!("\n  | {log}")
                    };
                    format!("{node}: {last}{log}")
                })
                .collect(),
            Self::NotConverged(plan) => {
                let text = plan_text(plan, crate::output::Style::Plain);
                text.lines().map(str::to_owned).collect()
            }
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Secrets(_) => {
                vec!["set the variable or write the file, then run this again".into()]
            }
            Self::NotReady { late, .. } => late
                .keys()
                .map(|node| format!("`rivetos logs {}` shows the whole log", node.name))
                .collect(),
            Self::NotConverged(_) => {
                vec!["something else changes the target meanwhile, or this is a bug".into()]
            }
        }
    }
}

/// Makes the fleet what its file says.
pub(crate) async fn run(globals: &Globals, up: Up, printer: Printer) -> Result<Exit, Failure> {
    // What a kept plan delivers is looked for once the plan is read: it may only remove.
    let mut fleet = match &up.saved {
        Some(_) => Fleet::load_without_secrets(globals, printer)?,
        None => Fleet::load(globals, printer)?,
    };
    let targets = fleet.targets(printer).await?;
    bring_up(&fleet, &targets, (globals, &up), printer).await
}

/// Shows the plan, asks, carries it out and waits until every agent is ready.
pub(crate) async fn bring_up(
    fleet: &Fleet,
    targets: &Targets,
    (globals, up): (&Globals, &Up),
    printer: Printer,
) -> Result<Exit, Failure> {
    let shown = wanted(fleet, targets, up).await?;
    preview::show_in_run(&shown, printer);
    if !shown.report.blocked.is_empty() {
        shown.clone().approve(Approval::Yes)?;
    }
    deliverable(&shown, &fleet.secrets)?;
    let approval = agreed(&shown, (globals, up), printer)?;
    // A wrong name is told before anything is locked.
    shown.clone().approve(approval.clone())?;
    let scope = (fleet, targets);
    locked(scope, OPERATION, printer, async |lease: &Lease| {
        let agreed = (shown, approval);
        while_locked(fleet, (targets, lease), (globals, up), agreed, printer).await
    })
    .await
}

/// What the person says to the plan. One that deletes data takes the fleet's name, as `destroy` does.
fn agreed(
    plan: &Plan,
    (globals, up): (&Globals, &Up),
    printer: Printer,
) -> Result<Approval, ConsentError> {
    if plan.risk() == Risk::DataLoss {
        let fleet = match &up.confirmed {
            Some(name) => name.clone(),
            None => consent::fleet_name(plan.fleet.as_str(), printer)?,
        };
        return Ok(Approval::YesWithDataLoss { fleet });
    }
    if !plan.steps.is_empty() {
        consent::agree(globals.consent, "Do you want this?", printer)?;
    }
    Ok(Approval::Yes)
}

/// The plan that was asked for, as the targets are now.
async fn wanted(fleet: &Fleet, targets: &Targets, up: &Up) -> Result<Plan, Failure> {
    let Some(file) = &up.saved else {
        return Ok(fleet.plan(targets, &up.options).await?.0);
    };
    let saved = saved::open(fleet, file)?;
    saved::must_fit(&saved, &targets.look(&fleet.layout).await, file)?;
    Ok(saved.into_plan())
}

async fn while_locked(
    fleet: &Fleet,
    (targets, lease): (&Targets, &Lease),
    (globals, up): (&Globals, &Up),
    (shown, mut approval): (Plan, Approval),
    printer: Printer,
) -> Result<Exit, Failure> {
    // What was looked at before the lock may be history.
    let plan = wanted(fleet, targets, up).await?;
    if plan != shown {
        printer.talk("the target changed meanwhile; this is the plan now:");
        preview::show_in_run(&plan, printer);
        approval = agreed(&plan, (globals, up), printer)?;
    }
    let approved = plan.approve(approval)?;
    let run = Run::begin((fleet, targets), OPERATION, approved, printer)?;
    let ended = carry_through(fleet, (targets, lease), (up, &run), printer).await;
    run.end(match &ended {
        Ok(exit) => *exit,
        Err(failure) => failure.exit(),
    })
    .await;
    ended
}

/// Does what the plan says and sees that the fleet is then as its file says.
async fn carry_through(
    fleet: &Fleet,
    (targets, lease): (&Targets, &Lease),
    (up, run): (&Up, &Run),
    printer: Printer,
) -> Result<Exit, Failure> {
    let sink = |event: &Event| run.progress.show(event);
    let events = Events::new(&sink);
    if let Outcome::Incomplete(exit) = run.carry_out((targets, lease), &events).await? {
        return Ok(exit);
    }
    if run.plan().takes_down() {
        run.progress.clear();
        printer.talk(format_args!("fleet {} is down", fleet.spec.fleet()));
        return Ok(Exit::Ok);
    }
    tokio::select! {
        ended = settle(fleet, targets, (up, run, &events), printer) => ended,
        () = run.interrupt.once() => {
            run.progress.clear();
            printer.talk("interrupted; every step is done, and agents go on starting");
            Ok(Exit::Interrupted)
        }
        never = run.progress.tick() => match never {},
    }
}

/// Waits until every agent is ready, then looks whether there is anything left to do.
async fn settle(
    fleet: &Fleet,
    targets: &Targets,
    (up, run, events): (&Up, &Run, &Events<'_>),
    printer: Printer,
) -> Result<Exit, Failure> {
    let done = run.plan();
    if let Some(deadline) = up.wait {
        wait((fleet, done), targets, deadline, events).await?;
    }
    // Whatever was made again by name is not to be made again once more.
    let options = PlanOptions {
        replace: BTreeSet::new(),
        ..up.options.clone()
    };
    let (mut rest, seen) = fleet.plan(targets, &options).await?;
    fleet.forget_empty(&seen)?;
    if up.saved.is_some() {
        // It may have been a plan for a part of the fleet.
        let touched = |step: &Step| done.steps.iter().any(|d| d.resource == step.resource);
        rest.steps.retain(touched);
    }
    if !rest.steps.is_empty() {
        return Err(UpError::NotConverged(Box::new(rest)).into());
    }
    let ending = preview::in_the_way(&rest);
    run.progress.clear();
    if ending == Exit::Ok {
        printer.talk(format_args!("fleet {} is up", fleet.spec.fleet()));
    } else {
        // What was seen a moment ago cannot be seen any more, or is taken by somebody else.
        printer.talk(plan_text(&rest, printer.err()).trim_end());
    }
    Ok(ending)
}

/// Every secret that the plan delivers must be at hand before anything is changed.
fn deliverable(plan: &Plan, secrets: &OperatorSecrets) -> Result<(), UpError> {
    let mut missing = BTreeMap::new();
    for step in &plan.steps {
        let Op::Create { desired } = &step.op else {
            continue;
        };
        let Spec::Files(files) = &desired.spec else {
            continue;
        };
        for content in files.files.values() {
            if let FileContent::Given { secret, .. } = content
                && let Err(error) = secrets.resolve(secret)
            {
                missing.insert(desired.id.clone(), error);
            }
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(UpError::Secrets(missing))
    }
}

/// Whether the plan leaves the agent running: it may be for a part of the fleet only.
fn runs_after(done: &Plan, id: &ResourceId) -> bool {
    let is_made = |step: &Step| step.resource == *id && step.action != Action::Delete;
    done.report.unchanged.contains(id) || done.steps.iter().any(is_made)
}

async fn wait(
    (fleet, done): (&Fleet, &Plan),
    targets: &Targets,
    deadline: Duration,
    events: &Events<'_>,
) -> Result<(), UpError> {
    let nodes: BTreeMap<ResourceId, Expected> = fleet
        .agents()
        .map(|(_, desired)| desired)
        .filter(|desired| runs_after(done, &desired.id))
        .map(|desired| {
            (
                desired.id.clone(),
                Expected {
                    uid: desired.uid.clone(),
                    version: None,
                },
            )
        })
        .collect();
    let late: BTreeMap<_, _> = wait_ready(targets, &nodes, deadline, events)
        .await
        .into_iter()
        .filter_map(|(node, readiness)| match readiness {
            Readiness::Ready(_) => None,
            Readiness::NotReady { last, log } => Some((node, (last, log))),
        })
        .collect();
    if late.is_empty() {
        Ok(())
    } else {
        Err(UpError::NotReady {
            late,
            all: nodes.len(),
        })
    }
}
