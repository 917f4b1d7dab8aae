//! `rivetos infra status`

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use rivetos_engine::AgentClient;
use rivetos_fleet::model::{
    Desired, ErrorScope, Inventory, Life, Observed, Plan, Reason, ResourceId, Step, TargetId,
};
use rivetos_fleet::port::NodeAccess;
use rivetos_fleet::{PlanOptions, plan};
use rivetos_protocol::{AgentStatus, HealthReport};
use serde::Serialize;
use tokio::time::timeout;

use super::preview;
use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Failure, Format, Printer, Style};
use crate::settings::Globals;
use crate::targets::Targets;

/// How long an agent may take to say how it is.
const ANSWER_MAX: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct StatusReport {
    schema_version: u32,
    fleet: String,
    target: &'static str,
    targets: Vec<TargetReport>,
    agents: Vec<AgentReport>,
    /// Resources that `infra up` would change.
    changes: usize,
    /// Those of them that are no longer as they were made.
    drifted: usize,
    blocked: usize,
    foreign: usize,
}

/// A place that the fleet is on, should be on or was on.
#[derive(Serialize)]
struct TargetReport {
    name: String,
    /// What could not be seen of it; absent: everything was.
    unseen: Option<String>,
    changes: usize,
    drifted: usize,
}

#[derive(Serialize)]
struct AgentReport {
    name: String,
    /// Where it should be.
    target: String,
    state: String,
    ready: bool,
    /// Why it is not ready.
    reason: Option<String>,
    version: Option<String>,
    uid: String,
    model: Option<String>,
    /// On this host; absent where no port is published.
    port: Option<u16>,
}

/// Shows what runs.
pub(crate) async fn run(globals: &Globals, printer: Printer) -> Result<Exit, Failure> {
    let mut fleet = Fleet::load_without_secrets(globals, printer)?;
    let targets = fleet.targets(printer).await?;
    let seen = targets.look(&fleet.layout).await;
    let plan = plan(
        fleet.spec.fleet(),
        &fleet.layout,
        &seen,
        &PlanOptions::default(),
    );
    let agents = fleet.agents().map(|(target, desired)| {
        let inventory = seen.get(target);
        let seen = inventory
            .into_iter()
            .flat_map(|inventory| &inventory.observed)
            .find(|o| o.uid.as_ref() == Some(&desired.uid));
        let is_hidden = inventory.is_none_or(|inventory| hides(inventory, &desired.id));
        agent(&targets, (target, desired), (seen, is_hidden))
    });
    let report = StatusReport {
        schema_version: 1,
        fleet: fleet.spec.fleet().to_string(),
        target: match fleet.spec.target() {
            rivetos_config::Target::Docker => "docker",
            rivetos_config::Target::Local => "local",
        },
        targets: fleet
            .layout
            .keys()
            .map(|id| target(id, seen.get(id), &plan))
            .collect(),
        agents: join_all(agents).await,
        changes: resources(&plan, |_| true),
        drifted: resources(&plan, is_drift),
        blocked: plan.report.blocked.len(),
        foreign: plan.report.foreign.len(),
    };
    match printer.format() {
        Format::Json => printer.json(&report),
        Format::Text => text(&report, printer),
    }
    Ok(preview::in_the_way(&plan))
}

/// How many resources have a step of that sort.
fn resources(plan: &Plan, of_sort: impl Fn(&Step) -> bool) -> usize {
    plan.steps
        .iter()
        .filter(|step| of_sort(step))
        .map(|step| &step.resource)
        .collect::<BTreeSet<_>>()
        .len()
}

fn is_drift(step: &Step) -> bool {
    step.reasons.iter().any(Reason::tells_drift)
}

fn target(id: &TargetId, seen: Option<&Inventory>, plan: &Plan) -> TargetReport {
    let unseen = match seen {
        Some(inventory) => inventory.errors.first().map(|error| error.message.clone()),
        None => Some("it was not looked at".to_owned()),
    };
    let here = |step: &Step| step.target == *id;
    TargetReport {
        name: id.to_string(),
        unseen,
        changes: resources(plan, here),
        drifted: resources(plan, |step| here(step) && is_drift(step)),
    }
}

/// Whether it cannot be told if `id` is there.
fn hides(inventory: &Inventory, id: &ResourceId) -> bool {
    inventory.errors.iter().any(|error| match &error.scope {
        ErrorScope::Target => true,
        ErrorScope::Kind(kind) => *kind == id.kind,
        ErrorScope::Resource(resource) => resource == id,
    })
}

async fn agent(
    targets: &Targets,
    (target, desired): (&TargetId, &Desired),
    (seen, is_hidden): (Option<&Observed>, bool),
) -> AgentReport {
    let id = &desired.id;
    let state = match seen.map(|observed| &observed.life) {
        None if is_hidden => "unseen".to_owned(),
        None => "absent".to_owned(),
        Some(Life::Running | Life::Present) => "running".to_owned(),
        Some(Life::Stopped(how)) => format!("stopped ({how})"),
        Some(Life::Incomplete(what)) => format!("incomplete ({what})"),
        Some(Life::Dormant(what)) => format!("dormant ({what})"),
    };
    let health = match seen.map(|observed| &observed.life) {
        Some(Life::Running) => ask(targets, id).await,
        _ => Err(state.clone()),
    };
    let port = seen
        .and_then(|observed| observed.fields.get("port"))
        .and_then(|field| field.to_string().trim_matches('"').parse().ok());
    let (reason, health) = match health {
        Ok(health) if health.status == AgentStatus::Ready => (None, Some(health)),
        Ok(health) => (Some(health.reason.clone()), Some(health)),
        Err(reason) => (Some(reason), None),
    };
    AgentReport {
        name: id.name.clone(),
        target: target.to_string(),
        state,
        ready: reason.is_none(),
        reason,
        version: health
            .as_ref()
            .map(|h| format!("{} ({})", h.version, h.commit)),
        uid: desired.uid.to_string(),
        model: health.map(|h| h.model),
        port,
    }
}

async fn ask(targets: &Targets, node: &ResourceId) -> Result<HealthReport, String> {
    let asked = async {
        let stream = targets
            .connect(node)
            .await
            .map_err(|error| error.to_string())?;
        let mut client = AgentClient::new(stream)
            .await
            .map_err(|error| error.to_string())?;
        client.health().await.map_err(|error| error.to_string())
    };
    timeout(ANSWER_MAX, asked)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", ANSWER_MAX.as_secs())))
}

fn text(report: &StatusReport, printer: Printer) {
    let style = printer.out();
    let names: Vec<&str> = report.targets.iter().map(|one| one.name.as_str()).collect();
    let names = names.join(", ");
    printer.data(style.bold(format_args!("fleet {} on {names}", report.fleet)));
    for target in &report.targets {
        if let Some(why) = &target.unseen {
            let line = format_args!("  {} cannot be seen: {why}", target.name);
            printer.data(style.red(line));
        }
    }
    let several = report.targets.len() > 1;
    let width = report
        .agents
        .iter()
        .map(|agent| agent.name.len())
        .max()
        .unwrap_or(0);
    for agent in &report.agents {
        printer.data(agent_line(agent, width, several, style));
    }
    match (report.changes, report.blocked, report.foreign) {
        (0, 0, 0) => printer.data("as its file says"),
        (changes, blocked, foreign) => printer.data(format_args!(
            "{changes} to be changed ({} drifted), {blocked} blocked, {foreign} in the way: see \
             `rivetos infra preview`",
            report.drifted
        )),
    }
}

/// One line; the target is in it where there are several.
fn agent_line(agent: &AgentReport, width: usize, several: bool, style: Style) -> String {
    let ready = match &agent.reason {
        None => style.green("ready"),
        Some(reason) => style.red(format_args!("not ready: {reason}")),
    };
    let mut line = format!("  {:width$}  {}  {ready}", agent.name, agent.state);
    for part in [
        several.then(|| format!("on {}", agent.target)),
        agent.version.clone(),
        agent.model.clone(),
        agent.port.map(|port| format!("port {port}")),
        Some(style.dim(&agent.uid)),
    ]
    .into_iter()
    .flatten()
    {
        line.push_str("  ");
        line.push_str(&part);
    }
    line
}
