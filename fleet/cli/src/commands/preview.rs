//! `rivetos infra preview`

use std::path::Path;

use rivetos_fleet::model::Plan;
use rivetos_render::Graph;

use super::against::{EMPTY, plan_against, read};
use super::saved;
use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Failure, Format, PlanDocument, Printer, StreamLine, plan_text};
use crate::settings::{Globals, Goal, Preview, World};

/// Shows what `up` or `destroy` would do.
pub(crate) async fn run(
    globals: &Globals,
    preview: &Preview,
    printer: Printer,
) -> Result<Exit, Failure> {
    // Nothing will be made in a world that is not there, so no secret is needed.
    let imagined = |world: (&Path, &str)| -> Result<_, Failure> {
        let fleet = Fleet::load_without_secrets(globals, printer)?;
        let plan = plan_against(&fleet, world, &preview.goal)?;
        Ok((fleet, plan))
    };
    let (fleet, plan) = match &preview.world {
        World::Described(file) => imagined((file, &read(file)?))?,
        World::Empty => imagined((Path::new("--offline"), EMPTY))?,
        World::Live => {
            let mut fleet = match &preview.goal {
                Goal::Up(_) => Fleet::load(globals, printer)?,
                Goal::Down(_) => Fleet::load_without_secrets(globals, printer)?,
            };
            let targets = fleet.targets(printer).await?;
            let (plan, seen) = match &preview.goal {
                Goal::Up(options) => fleet.plan(&targets, options).await?,
                Goal::Down(teardown) => fleet.plan_down(&targets, teardown).await,
            };
            if let Some(file) = &preview.out {
                saved::keep(&fleet, (plan.clone(), &seen), file)?;
            }
            (fleet, plan)
        }
    };
    if let Some(file) = &preview.json_into {
        saved::write_json(&PlanDocument::from(&plan), file)?;
    }
    match preview.drawing {
        Some(drawing) => printer.piece(Graph::of_plan(&plan, &fleet.layout).draw(drawing)),
        None => show(&plan, printer),
    }
    Ok(ending(&plan, globals.pending))
}

/// Shows a plan on standard output.
pub(crate) fn show(plan: &Plan, printer: Printer) {
    match printer.format() {
        Format::Text => printer.piece(plan_text(plan, printer.out())),
        Format::Json => printer.json(&PlanDocument::from(plan)),
    }
}

/// Shows the plan of a run, which for programs is a line among others.
pub(crate) fn show_in_run(plan: &Plan, printer: Printer) {
    match printer.format() {
        Format::Text => show(plan, printer),
        Format::Json => printer.line(&StreamLine::plan(plan)),
    }
}

/// How a run ends that only looked; `pending` is for a plan with steps.
fn ending(plan: &Plan, pending: Exit) -> Exit {
    let steps = if plan.steps.is_empty() {
        Exit::Ok
    } else {
        pending
    };
    steps.or(in_the_way(plan))
}

/// How a run ends for what the plan could not take up.
pub(crate) fn in_the_way(plan: &Plan) -> Exit {
    Exit::from(&plan.report)
}
