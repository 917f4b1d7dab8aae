//! `rivetos infra status`

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use rivetos_engine::AgentClient;
use rivetos_fleet::model::{Life, Observed, Plan, Reason, ResourceId, Step};
use rivetos_fleet::port::NodeAccess;
use rivetos_fleet::{PlanOptions, plan};
use rivetos_protocol::{AgentStatus, HealthReport};
use serde::Serialize;
use tokio::time::timeout;

use super::preview;
use crate::exit::Exit;
use crate::fleet::Fleet;
use crate::output::{Failure, Format, Printer};
use crate::settings::Globals;
use crate::targets::Targets;

/// How long an agent may take to say how it is.
const ANSWER_MAX: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct StatusReport {
    schema_version: u32,
    fleet: String,
    target: &'static str,
    agents: Vec<AgentReport>,
    /// Resources that `infra up` would change.
    changes: usize,
    /// Those of them that are no longer as they were made.
    drifted: usize,
    blocked: usize,
    foreign: usize,
}

#[derive(Serialize)]
struct AgentReport {
    name: String,
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
    let fleet = Fleet::load_without_secrets(globals, printer)?;
    let targets = fleet.targets(printer).await?;
    let seen = targets.look(&fleet.layout).await;
    let plan = plan(
        fleet.spec.fleet(),
        &fleet.layout,
        &seen,
        &PlanOptions::default(),
    );
    let agents = fleet.agents().map(|desired| {
        let seen = seen
            .values()
            .flat_map(|inventory| &inventory.observed)
            .find(|o| o.uid.as_ref() == Some(&desired.uid));
        agent(&targets, (&desired.id, desired.uid.to_string()), seen)
    });
    let report = StatusReport {
        schema_version: 1,
        fleet: fleet.spec.fleet().to_string(),
        target: match fleet.spec.target() {
            rivetos_config::Target::Docker => "docker",
            rivetos_config::Target::Local => "local",
        },
        agents: join_all(agents).await,
        changes: resources(&plan, |_| true),
        drifted: resources(&plan, |step| step.reasons.iter().any(Reason::tells_drift)),
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

async fn agent(
    targets: &Targets,
    (id, uid): (&ResourceId, String),
    seen: Option<&Observed>,
) -> AgentReport {
    let state = match seen.map(|observed| &observed.life) {
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
        state,
        ready: reason.is_none(),
        reason,
        version: health
            .as_ref()
            .map(|h| format!("{} ({})", h.version, h.commit)),
        uid,
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
    printer.data(style.bold(format_args!("fleet {} on {}", report.fleet, report.target)));
    let width = report
        .agents
        .iter()
        .map(|agent| agent.name.len())
        .max()
        .unwrap_or(0);
    for agent in &report.agents {
        let ready = match &agent.reason {
            None => style.green("ready"),
            Some(reason) => style.red(format_args!("not ready: {reason}")),
        };
        let mut line = format!("  {:width$}  {}  {ready}", agent.name, agent.state);
        for part in [
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
        printer.data(line);
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
