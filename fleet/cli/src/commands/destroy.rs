//! `rivetos infra destroy`

use rivetos_engine::{Event, Events, Lease};
use rivetos_fleet::{Approval, Teardown};

use super::preview;
use crate::apply::{Outcome, Run, locked};
use crate::consent;
use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Failure, Printer};
use crate::settings::{DataFate, Destroy, Globals};
use crate::targets::Targets;

/// The name of this operation in locks and journals.
const OPERATION: &str = "infra destroy";

/// Takes the fleet down.
pub(crate) async fn run(
    globals: &Globals,
    destroy: &Destroy,
    printer: Printer,
) -> Result<Exit, Failure> {
    let mut fleet = Fleet::load_without_secrets(globals, printer)?;
    let targets = fleet.targets(printer).await?;
    take_down(&fleet, &targets, (globals, destroy), printer).await
}

/// Shows what goes and what stays, asks, and removes it.
pub(crate) async fn take_down(
    fleet: &Fleet,
    targets: &Targets,
    (globals, destroy): (&Globals, &Destroy),
    printer: Printer,
) -> Result<Exit, Failure> {
    let scope = (fleet, targets);
    locked(scope, OPERATION, printer, async |lease: &Lease| {
        while_locked(fleet, (targets, lease), (globals, destroy), printer).await
    })
    .await
}

async fn while_locked(
    fleet: &Fleet,
    (targets, lease): (&Targets, &Lease),
    (globals, destroy): (&Globals, &Destroy),
    printer: Printer,
) -> Result<Exit, Failure> {
    let teardown = Teardown {
        data: match &destroy.data {
            DataFate::Keep => rivetos_fleet::DataFate::Keep,
            DataFate::Delete { .. } => rivetos_fleet::DataFate::DeleteAll,
        },
        unprotect: destroy.unprotect.clone(),
    };
    let (plan, _) = fleet.plan_down(targets, &teardown).await;
    preview::show_in_run(&plan, printer);
    if !plan.steps.is_empty() || !plan.report.blocked.is_empty() {
        let approval = match &destroy.data {
            DataFate::Keep => {
                consent::agree(globals.consent, "Do you want this?", printer)?;
                Approval::Yes
            }
            DataFate::Delete { confirmed } => Approval::YesWithDataLoss {
                fleet: match confirmed {
                    Some(name) => name.clone(),
                    None => consent::fleet_name(fleet.spec.fleet().as_str(), printer)?,
                },
            },
        };
        let run = Run::begin(
            (fleet, targets),
            OPERATION,
            plan.approve(approval)?,
            printer,
        )?;
        let sink = |event: &Event| run.progress.show(event);
        let ended = run.carry_out((targets, lease), &Events::new(&sink)).await;
        run.end(match &ended {
            Ok(Outcome::Complete) => Exit::Ok,
            Ok(Outcome::Incomplete(exit)) => *exit,
            Err(failure) => failure.exit(),
        })
        .await;
        if let Outcome::Incomplete(exit) = ended? {
            return Ok(exit);
        }
    }
    printer.talk(format_args!("fleet {} is down", fleet.spec.fleet()));
    Ok(Exit::Ok)
}
