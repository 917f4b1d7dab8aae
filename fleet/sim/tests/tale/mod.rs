//! Fleets and what happens to them, at random.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::Index;
use rivetos_config::Target;
use rivetos_fleet::Approval;
use rivetos_fleet::model::{Kind, Owner, ResourceId, Risk};
use rivetos_sim::{Fault, Mishap, Place, SimWorld};

use crate::story::{Operator, plan};

const NAMES: [&str; 4] = ["ada", "bob", "eve", "zoe-2"];

/// A kill after as many calls as this is a kill after the last one of the step.
pub(crate) const CALLS_MAX: usize = 2;

/// The tool is killed in the step of this number once that made so many calls.
pub(crate) fn killed(step: usize, after_calls: usize) -> Fault {
    Fault {
        at: Place::Number(step),
        mishap: Mishap::Killed { after_calls },
    }
}

/// What the operator wants, apart from the text of it.
#[derive(Debug, Clone)]
struct Wish {
    target: Target,
    agents: BTreeMap<&'static str, u8>,
    datahub: bool,
    network: bool,
    published: bool,
}

/// Something that happens between two looks at the fleet.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Agent(usize, Option<u8>),
    Datahub(bool),
    Network(bool),
    Published(bool),
    Commit(u8),
    Secret(Option<u8>),
    Build,
    Up {
        kill: Option<(usize, usize)>,
        order: u8,
    },
    Stop(Index),
    Delete(Index),
    Drift(Index),
    AgeHash(Index),
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let wish = prop_oneof![
        (0..NAMES.len(), proptest::option::weighted(0.7, 0..3_u8))
            .prop_map(|(name, model)| Event::Agent(name, model)),
        any::<bool>().prop_map(Event::Datahub),
        any::<bool>().prop_map(Event::Network),
        any::<bool>().prop_map(Event::Published),
        (0..3_u8).prop_map(Event::Commit),
        proptest::option::weighted(0.8, 0..3_u8).prop_map(Event::Secret),
    ];
    let up = (
        proptest::option::weighted(0.5, (0..20_usize, 0..=CALLS_MAX)),
        any::<u8>(),
    )
        .prop_map(|(kill, order)| Event::Up { kill, order });
    let accident = prop_oneof![
        any::<Index>().prop_map(Event::Stop),
        any::<Index>().prop_map(Event::Delete),
        any::<Index>().prop_map(Event::Drift),
        any::<Index>().prop_map(Event::AgeHash),
    ];
    prop_oneof![3 => wish, 3 => up, 1 => Just(Event::Build), 3 => accident]
}

/// A fleet with a past.
#[derive(Debug, Clone)]
pub(crate) struct Tale {
    pub(crate) operator: Operator,
    pub(crate) world: SimWorld,
    wish: Wish,
}

impl Tale {
    pub(crate) fn new(target: Target, events: &[Event]) -> Self {
        let wish = Wish {
            target,
            agents: BTreeMap::from([("ada", 0), ("bob", 1)]),
            datahub: target == Target::Docker,
            network: false,
            published: false,
        };
        let operator = Operator::new(&wish.text());
        let world = SimWorld::new("home".parse().unwrap());
        operator.build_images(&world);
        let mut tale = Self {
            operator,
            world,
            wish,
        };
        for event in events {
            tale.happens(event);
        }
        tale
    }

    fn happens(&mut self, event: &Event) {
        match event {
            Event::Agent(name, Some(model)) => {
                self.wish.agents.insert(NAMES[*name], *model);
            }
            // A fleet has at least one agent.
            Event::Agent(name, None) if self.wish.agents.len() > 1 => {
                self.wish.agents.remove(NAMES[*name]);
            }
            Event::Agent(_, None) => {}
            Event::Datahub(datahub) => {
                self.wish.datahub = *datahub && self.wish.target == Target::Docker;
            }
            Event::Network(network) => self.wish.network = *network,
            Event::Published(published) => self.wish.published = *published,
            Event::Commit(commit) => self.operator.commit = format!("00000000000{commit}"),
            Event::Secret(digest) => match digest {
                Some(value) => self.operator.rotate(&value.to_string()),
                None => self.operator.lose_key(),
            },
            Event::Build => self.operator.build_images(&self.world),
            Event::Up { kill, order } => {
                let faults: Vec<Fault> = kill
                    .map(|(step, calls)| killed(step, calls))
                    .into_iter()
                    .collect();
                self.up(&faults, usize::from(*order));
            }
            Event::Stop(index) => {
                self.some_object(*index)
                    .map(|id| self.world.stop(&id, "exited with code 1"));
            }
            Event::Delete(index) => {
                self.some_object(*index).map(|id| self.world.delete(&id));
            }
            Event::Drift(index) => {
                let id = self
                    .some_object(*index)
                    .filter(|id| id.kind != Kind::Volume);
                id.map(|id| self.world.drift(&id, "env.BY_HAND", Some("1")));
            }
            Event::AgeHash(index) => {
                self.some_object(*index).map(|id| self.world.age_hash(&id));
            }
        }
        self.operator.text = self.wish.text();
    }

    /// Plans, approves and executes; nothing happens when the plan is blocked.
    pub(crate) fn up(&self, faults: &[Fault], order: usize) {
        let desired = self.operator.desired();
        let plan = plan(&desired, &self.world.look(&desired));
        assert!(plan.risk() < Risk::DataLoss, "{plan}");
        let Ok(approved) = plan.approve(Approval::Yes) else {
            return;
        };
        let mut turn = 0;
        let execution = self.world.execute(&approved, faults, |_| {
            turn += 1;
            order * turn
        });
        assert_eq!(execution.failed, [], "{}", approved.plan());
    }

    fn some_object(&self, index: Index) -> Option<ResourceId> {
        let mut ids: Vec<ResourceId> = self
            .world
            .everything()
            .into_iter()
            .filter(|object| object.owner == Owner::Ours)
            .map(|object| object.id)
            .collect();
        ids.sort();
        (!ids.is_empty()).then(|| ids[index.index(ids.len())].clone())
    }
}

impl Wish {
    fn text(&self) -> String {
        let mut text = String::from("fleet: home\n");
        if let Some(first) = self.agents.keys().next() {
            writeln!(text, "runtime: {{default_agent: {first}}}\nagents:").unwrap();
        }
        for (name, model) in &self.agents {
            writeln!(text, "  {name}: {{provider: models, model: m{model}}}").unwrap();
        }
        text.push_str(
            "providers:\n  models: {kind: openai-compat, base_url: 'http://m:1/v1', model: big, \
             api_key: '${KEY}'}\ndeployment:\n",
        );
        if self.target == Target::Docker {
            text.push_str("  target: docker\n");
            if self.network || self.published {
                text.push_str("  docker:\n");
            }
            if self.network {
                text.push_str("    network: lan\n");
            }
            if self.published {
                text.push_str("    postgres_port: 5432\n");
            }
        } else {
            text.push_str("  target: local\n  local: {port_range: 43100-43109}\n");
        }
        if self.datahub {
            text.push_str("  datahub: {postgres: true}\n");
        }
        text
    }
}
