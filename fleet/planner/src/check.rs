//! Rules over specs and plans that no single type can hold.

use std::collections::BTreeSet;
use std::fmt;

use rivetos_config::{AgentName, PortRange, Target, Variant};

use crate::model::{Kind, Op, Plan, ResourceId, Risk, StepId};
use crate::spec::{FleetSpec, role_name};

/// The longest host name of a container (RFC 1035 §2.3.4), in characters.
const CONTAINER_NAME_CHARS_MAX: usize = 63;
/// The longest name of a login in Postgres, in bytes.
const ROLE_NAME_BYTES_MAX: usize = 63;

/// How grave a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot be done.
    Deny,
    /// It can be done and may not be what was meant.
    Warn,
}

/// A rule that something does not follow, with what does not follow it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// There are fewer local ports than agents.
    TooFewPorts {
        /// How many agents there are.
        agents: usize,
        /// How many ports there are.
        ports: usize,
    },
    /// The name of an agent's container is no host name.
    NameTooLong {
        /// The agent.
        agent: AgentName,
        /// What its name becomes.
        becomes: String,
        /// How many characters that may have.
        chars_max: usize,
    },
    /// The image has no shell, so its agents have no shell tool.
    NoShell,
    /// A step waits for one that comes later or never.
    OutOfOrder {
        /// The step.
        step: StepId,
        /// What it waits for.
        waits_for: StepId,
    },
    /// Two steps have the same name.
    SameStepTwice(StepId),
    /// A step says not why it is there.
    NoReason(StepId),
    /// A step removes data and does not say so.
    HiddenDataLoss(StepId),
    /// A step works on a resource that is blocked.
    TouchesBlocked(ResourceId),
}

impl Note {
    /// How grave it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::NoShell => Severity::Warn,
            Self::TooFewPorts { .. }
            | Self::NameTooLong { .. }
            | Self::OutOfOrder { .. }
            | Self::SameStepTwice(_)
            | Self::NoReason(_)
            | Self::HiddenDataLoss(_)
            | Self::TouchesBlocked(_) => Severity::Deny,
        }
    }

    /// What to do about it; absent for what only a broken plan can have.
    pub fn fix(&self) -> Option<String> {
        match self {
            Self::TooFewPorts { .. } => Some("widen `deployment.local.port_range`".to_owned()),
            Self::NameTooLong { .. } => Some("shorten the agent's or the fleet's name".to_owned()),
            Self::NoShell => {
                Some("set `deployment.image.variant: slim` if they need one".to_owned())
            }
            Self::OutOfOrder { .. }
            | Self::SameStepTwice(_)
            | Self::NoReason(_)
            | Self::HiddenDataLoss(_)
            | Self::TouchesBlocked(_) => None,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewPorts { agents, ports } => {
                write!(
                    f,
                    "{agents} agents need a port each and the range has {ports}"
                )
            }
            Self::NameTooLong {
                agent,
                becomes,
                chars_max,
            } => write!(
                f,
                "agent `{agent}` becomes `{becomes}`, which is longer than {chars_max} characters"
            ),
            Self::NoShell => {
                f.write_str("the `scratch` image has no shell, so its agents have no shell tool")
            }
            Self::OutOfOrder { step, waits_for } => {
                write!(
                    f,
                    "step {step} waits for {waits_for}, which is not before it"
                )
            }
            Self::SameStepTwice(step) => write!(f, "step {step} is there twice"),
            Self::NoReason(step) => write!(f, "step {step} has no reason"),
            Self::HiddenDataLoss(step) => write!(f, "step {step} hides that it deletes data"),
            Self::TouchesBlocked(id) => write!(f, "{id} is blocked and has a step"),
        }
    }
}

/// The rules that `spec` does not follow, sorted.
pub fn check_spec(spec: &FleetSpec) -> Vec<Note> {
    let mut notes: Vec<Note> = match spec.target() {
        Target::Docker => check_docker(spec),
        Target::Local => check_local(spec),
    };
    notes.sort();
    notes
}

fn check_docker(spec: &FleetSpec) -> Vec<Note> {
    let mut notes = Vec::new();
    if spec.deployment().image.variant == Variant::Scratch {
        notes.push(Note::NoShell);
    }
    for agent in spec.agents() {
        let container = format!("{}-{agent}", spec.fleet());
        let mut names = vec![(container, CONTAINER_NAME_CHARS_MAX)];
        if spec.deployment().datahub.is_some() {
            names.push((role_name(agent), ROLE_NAME_BYTES_MAX));
        }
        notes.extend(
            names
                .into_iter()
                .filter(|(name, max)| name.len() > *max)
                .map(|(becomes, chars_max)| Note::NameTooLong {
                    agent: agent.clone(),
                    becomes,
                    chars_max,
                }),
        );
    }
    notes
}

fn check_local(spec: &FleetSpec) -> Vec<Note> {
    let PortRange { first, last } = spec.deployment().local.port_range;
    let ports = (first..=last).len();
    let agents = spec.agents().len();
    let too_few = (ports < agents).then_some(Note::TooFewPorts { agents, ports });
    too_few.into_iter().collect()
}

/// The rules that `plan` does not follow. A plan of this crate follows all of them; one that was
/// stored and read again may not.
pub fn check_plan(plan: &Plan) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut done: BTreeSet<&StepId> = BTreeSet::new();
    for step in &plan.steps {
        for cause in step.after.iter().filter(|cause| !done.contains(cause)) {
            notes.push(Note::OutOfOrder {
                step: step.id.clone(),
                waits_for: cause.clone(),
            });
        }
        if !done.insert(&step.id) {
            notes.push(Note::SameStepTwice(step.id.clone()));
        }
        if step.reasons.is_empty() {
            notes.push(Note::NoReason(step.id.clone()));
        }
        let removes_data =
            step.resource.kind == Kind::Volume && matches!(step.op, Op::Remove { .. });
        if removes_data && step.risk != Risk::DataLoss {
            notes.push(Note::HiddenDataLoss(step.id.clone()));
        }
        if plan.report.blocked.contains_key(&step.resource) {
            notes.push(Note::TouchesBlocked(step.resource.clone()));
        }
    }
    notes.sort();
    notes
}
