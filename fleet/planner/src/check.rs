//! Rules over specs and plans that no single type can hold.

mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rivetos_config::{AgentName, Deployment, PortRange, SecretRef, Variant};

use crate::model::{Kind, Op, Plan, ResourceId, Risk, StepId, TargetId};
use crate::spec::{FleetSpec, datahub_target, role_name};

/// The longest host name of a container (RFC 1035 §2.3.4), in characters.
const CONTAINER_NAME_CHARS_MAX: usize = 63;
/// The longest name of a login in Postgres, in bytes.
const ROLE_NAME_BYTES_MAX: usize = 63;

/// What an agent needs to start, answer and run a command, in bytes.
const MEMORY_BYTES_MIN: u64 = 64 << 20;

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
    /// An agent is on another target than the datahub, which has no address that others could
    /// use.
    FarFromDatahub {
        /// The agent.
        agent: AgentName,
        /// Where it is.
        target: TargetId,
    },
    /// The datahub's address leads an agent to its own host.
    LoopbackDatahub {
        /// The agent.
        agent: AgentName,
        /// Where it is.
        target: TargetId,
        /// The address.
        address: String,
    },
    /// An agent's container gets so little memory that it is killed before long.
    LittleMemory {
        /// The agent.
        agent: AgentName,
        /// How many bytes it gets.
        bytes: u64,
    },
    /// Two agents, or one under two names, would renew the tokens of one login, which makes those of
    /// the other worthless.
    SharedLogin {
        /// Whose login it is.
        provider: String,
        /// One of them.
        first: AgentName,
        /// The other one.
        second: AgentName,
    },
    /// The image has no shell, so its agents have no shell tool.
    NoShell,
    /// The tag of the agents' image means something else from time to time, so that two looks at
    /// one configuration can differ.
    MovingTag,
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
    /// Two steps work on the same resource, and nothing says which one comes first.
    Unordered {
        /// One of them.
        step: StepId,
        /// The other one.
        other: StepId,
    },
    /// Two resources want what is there only once.
    WantedTwice {
        /// Where.
        target: TargetId,
        /// What it is, for example `port 127.0.0.1:5432`.
        what: String,
        /// Who wants it.
        first: ResourceId,
        /// Who wants it, too.
        second: ResourceId,
    },
    /// The datahub is to be published at a port that an agent of this host may get.
    PortInRange(u16),
}

impl Note {
    /// How grave it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::NoShell | Self::MovingTag | Self::LittleMemory { .. } | Self::PortInRange(_) => {
                Severity::Warn
            }
            Self::TooFewPorts { .. }
            | Self::FarFromDatahub { .. }
            | Self::LoopbackDatahub { .. }
            | Self::NameTooLong { .. }
            | Self::SharedLogin { .. }
            | Self::OutOfOrder { .. }
            | Self::SameStepTwice(_)
            | Self::NoReason(_)
            | Self::HiddenDataLoss(_)
            | Self::TouchesBlocked(_)
            | Self::Unordered { .. }
            | Self::WantedTwice { .. } => Severity::Deny,
        }
    }

    /// What to do about it; absent for what only a broken plan can have.
    pub fn fix(&self) -> Option<String> {
        match self {
            Self::TooFewPorts { .. } => Some("widen `deployment.local.port_range`".to_owned()),
            Self::NameTooLong { .. } => Some("shorten the agent's or the fleet's name".to_owned()),
            Self::FarFromDatahub { .. } => Some(
                "set `deployment.datahub.address` and `deployment.datahub.tls`, so that it can be \
                 reached over the network"
                    .to_owned(),
            ),
            Self::LoopbackDatahub { .. } => Some(
                "write in `deployment.datahub.address` what the datahub's host is called on the \
                 network, and in `deployment.datahub.bind` its address there"
                    .to_owned(),
            ),
            Self::LittleMemory { .. } => Some(format!(
                "give it `deploy.resources.memory: {}m` or more",
                MEMORY_BYTES_MIN >> 20
            )),
            Self::PortInRange(_) => Some(
                "choose a port outside `deployment.local.port_range`, unless the default engine is \
                 on another host"
                    .to_owned(),
            ),
            Self::SharedLogin { .. } => Some(
                "give one of them a provider of its own, with a login of its own, or use a key"
                    .to_owned(),
            ),
            Self::MovingTag => Some("name a tag that always means the same".to_owned()),
            Self::NoShell => {
                Some("set `deployment.image.variant: slim` if they need one".to_owned())
            }
            Self::OutOfOrder { .. }
            | Self::SameStepTwice(_)
            | Self::NoReason(_)
            | Self::HiddenDataLoss(_)
            | Self::TouchesBlocked(_)
            | Self::Unordered { .. }
            | Self::WantedTwice { .. } => None,
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
            Self::FarFromDatahub { agent, target } => write!(
                f,
                "agent `{agent}` is on {target} and the datahub on {}: it cannot reach it",
                datahub_target()
            ),
            Self::LoopbackDatahub {
                agent,
                target,
                address,
            } => write!(
                f,
                "agent `{agent}` is on {target}, where `{address}` is not the datahub's host"
            ),
            Self::LittleMemory { agent, bytes } => {
                write!(f, "agent `{agent}` gets {bytes} bytes of memory")
            }
            Self::SharedLogin {
                provider,
                first,
                second,
            } => f.write_str(&shared_login(provider, first, second)),
            Self::MovingTag => {
                f.write_str("the tag `latest` of the agents' image does not always mean the same")
            }
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
            Self::Unordered { step, other } => {
                write!(f, "nothing says whether {step} or {other} comes first")
            }
            Self::WantedTwice {
                target,
                what,
                first,
                second,
            } => write!(f, "{first} and {second} both want {what} on {target}"),
            Self::PortInRange(port) => write!(
                f,
                "`deployment.docker.postgres_port` {port} is in the range of local agents' ports"
            ),
        }
    }
}

/// The rules that `spec` does not follow, sorted.
pub fn check_spec(spec: &FleetSpec) -> Vec<Note> {
    let mut notes: Vec<Note> = spec
        .agents()
        .flat_map(|agent| check_agent(spec, agent))
        .collect();
    notes.extend(check_ports(spec));
    notes.extend(check_published(spec));
    notes.extend(check_logins(spec));
    let on_engines = spec
        .targets()
        .iter()
        .any(|target| *target != TargetId::local());
    if on_engines && spec.deployment().image.variant == Variant::Scratch {
        notes.push(Note::NoShell);
    }
    if on_engines && spec.deployment().image.tag.as_deref() == Some("latest") {
        notes.push(Note::MovingTag);
    }
    notes.sort();
    notes
}

fn check_agent(spec: &FleetSpec, agent: &AgentName) -> Vec<Note> {
    let Some(target) = spec.target_of(agent) else {
        return Vec::new();
    };
    let mut notes: Vec<Note> = check_reach(spec, agent, target).into_iter().collect();
    let mut names = Vec::new();
    if *target != TargetId::local() {
        let container = format!("{}-{agent}", spec.fleet());
        names.push((container, CONTAINER_NAME_CHARS_MAX));
    }
    if spec.deployment().datahub.is_some() {
        names.push((role_name(agent), ROLE_NAME_BYTES_MAX));
    }
    let too_long = names.into_iter().filter(|(name, max)| name.len() > *max);
    notes.extend(too_long.map(|(becomes, chars_max)| Note::NameTooLong {
        agent: agent.clone(),
        becomes,
        chars_max,
    }));
    if *target == TargetId::local() {
        return notes;
    }
    let memory = spec.resources_of(agent).memory_bytes;
    if let Some(bytes) = memory.filter(|bytes| *bytes < MEMORY_BYTES_MIN) {
        notes.push(Note::LittleMemory {
            agent: agent.clone(),
            bytes,
        });
    }
    notes
}

fn shared_login(provider: &str, first: &AgentName, second: &AgentName) -> String {
    if first == second {
        return format!("agent `{first}` uses the login of `{provider}` under another name, too");
    }
    format!("the login of `{provider}` can be one agent's, and `{first}` and `{second}` use it")
}

/// Logins that more than one agent would renew.
fn check_logins(spec: &FleetSpec) -> Vec<Note> {
    let mut owners: BTreeMap<&SecretRef, (&AgentName, &str)> = BTreeMap::new();
    let mut notes = Vec::new();
    for agent in spec.agents() {
        for (provider, login) in spec.logins_of(agent) {
            let (first, by) = *owners.entry(login).or_insert((agent, provider));
            if (first, by) != (agent, provider) {
                notes.push(Note::SharedLogin {
                    provider: provider.to_owned(),
                    first: first.clone(),
                    second: agent.clone(),
                });
            }
        }
    }
    notes
}

/// Whether an agent on `target` can come to the datahub.
fn check_reach(spec: &FleetSpec, agent: &AgentName, target: &TargetId) -> Option<Note> {
    let datahub = spec.deployment().datahub.as_ref()?;
    if *target == datahub_target() {
        return None;
    }
    let (agent, target) = (agent.clone(), target.clone());
    match &datahub.address {
        None => Some(Note::FarFromDatahub { agent, target }),
        // Processes of this host share its loopback, containers of another one do not.
        Some(address) if address.is_loopback() && target != TargetId::local() => {
            Some(Note::LoopbackDatahub {
                agent,
                target,
                address: address.place(),
            })
        }
        Some(_) => None,
    }
}

fn check_ports(spec: &FleetSpec) -> Option<Note> {
    let PortRange { first, last } = spec.deployment().local.port_range;
    let ports = (first..=last).len();
    let local = TargetId::local();
    let agents = spec
        .agents()
        .filter(|agent| spec.target_of(agent) == Some(&local))
        .count();
    (ports < agents).then_some(Note::TooFewPorts { agents, ports })
}

fn check_published(spec: &FleetSpec) -> Option<Note> {
    let Deployment { docker, local, .. } = spec.deployment();
    let port = docker.postgres_port?;
    let PortRange { first, last } = local.port_range;
    let here = TargetId::local();
    let mixed = spec
        .agents()
        .any(|agent| spec.target_of(agent) == Some(&here));
    (mixed && (first..=last).contains(&port)).then_some(Note::PortInRange(port))
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
    notes.extend(steps::unordered(&plan.steps));
    notes.extend(steps::wanted_twice(&plan.steps));
    notes.sort();
    notes
}
