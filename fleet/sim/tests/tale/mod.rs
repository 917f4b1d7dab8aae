//! Fleets and what happens to them, at random.

mod wish;

use std::fmt;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;
use rivetos_fleet::model::{Kind, Owner, Plan, ResourceId, Risk, TargetId};
use rivetos_fleet::{Approval, FleetId, PlanOptions, check_plan, plan};
use rivetos_sim::{Execution, Fault, Mishap, Place, SimFleet, SimWorld};

use crate::story::Operator;
use wish::{AgentWish, NAMES};
pub(crate) use wish::{Home, Wish};

/// A kill after as many calls as this is a kill after the last one of any step.
const CALLS_MAX: usize = 7;
/// Fields that somebody may change by hand, of whatever kind.
const FIELDS: [&str; 6] = [
    "env.BY_HAND",
    "memory",
    "restart",
    "network",
    "command",
    "driver",
];

/// The tool is killed in the step of this number once that made so many calls.
pub(crate) fn killed(step: usize, after_calls: usize) -> Fault {
    Fault {
        at: Place::Number(step),
        mishap: Mishap::Killed { after_calls },
    }
}

/// Something that happens between two looks at the fleet.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Agent(usize, Option<AgentWish>),
    /// Another name for the same agent.
    Rename(usize),
    Datahub(bool),
    Network(bool),
    Published(bool),
    Commit(u8),
    Secret(Option<u8>),
    Build,
    Up {
        mishap: Option<(usize, Misfortune)>,
        order: u8,
    },
    Stop(Index),
    Delete(Index),
    Drift(Index, usize),
    AgeHash(Index),
}

/// What goes wrong during a run between two looks.
#[derive(Debug, Clone)]
pub(crate) enum Misfortune {
    Killed(usize),
    Unhealthy,
    AnswerLost,
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let agent = proptest::option::weighted(0.8, wish::agent());
    let wish = prop_oneof![
        3 => (0..NAMES.len(), agent).prop_map(|(name, wish)| Event::Agent(name, wish)),
        1 => any::<bool>().prop_map(Event::Datahub),
        1 => any::<bool>().prop_map(Event::Network),
        1 => any::<bool>().prop_map(Event::Published),
        1 => (0..3_u8).prop_map(Event::Commit),
        1 => proptest::option::weighted(0.8, 0..3_u8).prop_map(Event::Secret),
    ];
    let misfortune = prop_oneof![
        3 => (0..=CALLS_MAX).prop_map(Misfortune::Killed),
        1 => Just(Misfortune::Unhealthy),
        1 => Just(Misfortune::AnswerLost),
    ];
    let up = (
        proptest::option::weighted(0.5, (0..20_usize, misfortune)),
        any::<u8>(),
    )
        .prop_map(|(mishap, order)| Event::Up { mishap, order });
    let accident = prop_oneof![
        any::<Index>().prop_map(Event::Stop),
        any::<Index>().prop_map(Event::Delete),
        (any::<Index>(), 0..FIELDS.len()).prop_map(|(index, field)| Event::Drift(index, field)),
        any::<Index>().prop_map(Event::AgeHash),
    ];
    prop_oneof![3 => wish, 3 => up, 1 => Just(Event::Build), 3 => accident]
}

/// A fleet with a past.
#[derive(Clone)]
pub(crate) struct Tale {
    past: Vec<Event>,
    pub(crate) operator: Operator,
    pub(crate) fleet: SimFleet,
    pub(crate) wish: Wish,
}

impl fmt::Debug for Tale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#?}\nand then\n{}", self.past, self.operator.text)
    }
}

impl Tale {
    pub(crate) fn new(home: Home, events: &[Event]) -> Self {
        let wish = Wish::new(home);
        let operator = Operator::new(&wish.text());
        let fleet = SimFleet::new(fleet_id());
        operator.build_images(&fleet);
        let mut tale = Self {
            past: Vec::new(),
            operator,
            fleet,
            wish,
        };
        for event in events {
            tale.happens(event);
        }
        tale
    }

    pub(crate) fn happens(&mut self, event: &Event) {
        match event {
            Event::Agent(name, wish) => self.wish.agent(NAMES[*name], wish.as_ref()),
            Event::Rename(name) => self.wish.rename(NAMES[*name]),
            Event::Datahub(datahub) => self.wish.datahub = *datahub,
            Event::Network(network) => self.wish.network = *network,
            Event::Published(published) => self.wish.published = *published,
            Event::Commit(commit) => self.operator.commit = format!("00000000000{commit}"),
            Event::Secret(Some(value)) => {
                self.operator.rotate(&value.to_string());
                self.operator.certify(&value.to_string());
            }
            Event::Secret(None) => self.operator.lose_key(),
            Event::Build => self.operator.build_images(&self.fleet),
            Event::Up { mishap, order } => {
                let mishap = mishap.as_ref().map(|(at, misfortune)| Fault {
                    at: Place::Number(*at),
                    mishap: misfortune.mishap(),
                });
                let faults: Vec<Fault> = mishap.into_iter().collect();
                self.run(&faults, usize::from(*order));
            }
            Event::Stop(index) => {
                self.some_object(*index)
                    .map(|(world, id)| world.stop(&id, "exited with code 1"));
            }
            Event::Delete(index) => {
                self.some_object(*index)
                    .map(|(world, id)| world.delete(&id));
            }
            Event::Drift(index, field) => {
                let id = self
                    .some_object(*index)
                    .filter(|(_, id)| id.kind != Kind::Volume);
                id.map(|(world, id)| world.drift(&id, FIELDS[*field], Some("by hand")));
            }
            Event::AgeHash(index) => {
                self.some_object(*index)
                    .map(|(world, id)| world.age_hash(&id));
            }
        }
        self.operator.text = self.wish.text();
        self.past.push(event.clone());
    }

    /// [`Tale::run`] in which every step that is tried is done.
    pub(crate) fn up(&self, faults: &[Fault], order: usize) -> Execution {
        let execution = self.run(faults, order);
        assert_eq!(execution.failed, []);
        execution
    }

    /// Plans, approves and executes; nothing happens when the plan is blocked.
    pub(crate) fn run(&self, faults: &[Fault], order: usize) -> Execution {
        let plan = self.plan();
        assert!(plan.risk() < Risk::DataLoss, "{plan}");
        let Ok(approved) = plan.approve(Approval::Yes) else {
            return Execution::default();
        };
        let mut turn = 0;
        self.fleet.execute(&approved, faults, |_| {
            turn += 1;
            order * turn
        })
    }

    /// What comes of what the operator wants and what is seen. Every plan follows the rules.
    pub(crate) fn plan(&self) -> Plan {
        let layout = self.operator.desired();
        let seen = self.fleet.look(&layout);
        let plan = plan(&fleet_id(), &layout, &seen, &PlanOptions::default());
        assert_eq!(check_plan(&plan), [], "{plan}");
        plan
    }

    fn some_object(&self, index: Index) -> Option<(Arc<SimWorld>, ResourceId)> {
        let mut ids: Vec<(TargetId, ResourceId)> = self
            .fleet
            .everything()
            .into_iter()
            .filter(|(_, object)| object.owner == Owner::Ours)
            .map(|(target, object)| (target, object.id))
            .collect();
        ids.sort();
        if ids.is_empty() {
            return None;
        }
        let (target, id) = ids[index.index(ids.len())].clone();
        Some((self.fleet.at(&target), id))
    }
}

impl Misfortune {
    fn mishap(&self) -> Mishap {
        match self {
            Self::Killed(after_calls) => Mishap::Killed {
                after_calls: *after_calls,
            },
            Self::Unhealthy => Mishap::Unhealthy,
            Self::AnswerLost => Mishap::FailsAfter,
        }
    }
}

pub(crate) fn fleet_id() -> FleetId {
    "home".parse().unwrap()
}
