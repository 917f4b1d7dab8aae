//! What the operator wants, apart from the text of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

/// The names that agents are born with.
pub(crate) const NAMES: [&str; 4] = ["ada", "bob", "eve", "zoe-2"];

/// Where a fleet is at home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    Local,
    Docker,
    /// Several engines, and this host beside them.
    Several,
}

/// What the operator wants.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    home: Home,
    agents: BTreeMap<&'static str, AgentWish>,
    pub(crate) datahub: bool,
    pub(crate) network: bool,
    pub(crate) published: bool,
}

/// What the operator wants of one agent.
#[derive(Debug, Clone, Default)]
pub(crate) struct AgentWish {
    model: u8,
    /// Whether it has another name than the one it was born with.
    renamed: bool,
    memory: bool,
    protect: bool,
    place: Place,
}

/// Where an agent is, in a fleet of several targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Default,
    Nas,
    Local,
}

pub(crate) fn agent() -> impl Strategy<Value = AgentWish> {
    let place = prop::sample::select(vec![
        Place::Default,
        Place::Default,
        Place::Nas,
        Place::Local,
    ]);
    let rarely = || proptest::bool::weighted(0.2);
    (0..3_u8, rarely(), rarely(), rarely(), place).prop_map(
        |(model, renamed, memory, protect, place)| AgentWish {
            model,
            renamed,
            memory,
            protect,
            place,
        },
    )
}

impl Wish {
    pub(crate) fn new(home: Home) -> Self {
        Self {
            home,
            agents: BTreeMap::from([("ada", AgentWish::default()), ("bob", AgentWish::default())]),
            datahub: home == Home::Docker,
            network: false,
            published: false,
        }
    }

    /// Another wish for an agent, or none for it; a fleet has at least one agent.
    pub(crate) fn agent(&mut self, name: &'static str, wish: Option<&AgentWish>) {
        match wish {
            Some(wish) => {
                self.agents.insert(name, wish.clone());
            }
            None if self.agents.len() > 1 => {
                self.agents.remove(name);
            }
            None => {}
        }
    }

    /// An agent that is wanted gets another name, or the one back that it was born with.
    pub(crate) fn rename(&mut self, name: &'static str) {
        if let Some(wish) = self.agents.get_mut(name) {
            wish.renamed = !wish.renamed;
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::from("fleet: home\n");
        if let Some((first, wish)) = self.agents.iter().next() {
            let name = wish.name(first);
            writeln!(text, "runtime: {{default_agent: {name}}}\nagents:").unwrap();
        }
        for (born, wish) in &self.agents {
            writeln!(
                text,
                "  {}: {}",
                wish.name(born),
                wish.text(born, self.home)
            )
            .unwrap();
        }
        text.push_str(
            "providers:\n  models: {kind: openai-compat, base_url: 'http://m:1/v1', model: big, \
             api_key: '${KEY}'}\ndeployment:\n  local: {port_range: 43100-43109}\n",
        );
        if self.home == Home::Local {
            text.push_str("  target: local\n");
            return text;
        }
        text.push_str("  target: docker\n");
        let network = if self.network { "network: lan, " } else { "" };
        let published = if self.published {
            "postgres_port: 5432, "
        } else {
            ""
        };
        let hosts = if self.home == Home::Several {
            "hosts: {nas: {host: 'unix:///nas.sock'}}"
        } else {
            ""
        };
        writeln!(text, "  docker: {{{network}{published}{hosts}}}").unwrap();
        if self.datahub {
            // Without an address an agent reaches only a datahub beside it.
            let address = if self.home == Home::Several {
                ", address: 'hub.lan:5433', bind: 10.0.0.5, \
                 tls: {ca: ca.pem, cert: hub.pem, key: hub.key}"
            } else {
                ""
            };
            writeln!(text, "  datahub: {{postgres: true{address}}}").unwrap();
        }
        text
    }
}

impl AgentWish {
    fn name(&self, born: &str) -> String {
        if self.renamed {
            format!("{born}-now")
        } else {
            born.to_owned()
        }
    }

    fn text(&self, born: &str, home: Home) -> String {
        let was = if self.renamed {
            format!(", was: {born}")
        } else {
            String::new()
        };
        let place = match (home, self.place) {
            (Home::Several, Place::Nas) => "host: nas, ",
            (Home::Several, Place::Local) => "target: local, ",
            (Home::Several, Place::Default) | (Home::Local | Home::Docker, _) => "",
        };
        let memory = if self.memory && home == Home::Docker {
            "resources: {memory: 64m}, "
        } else {
            ""
        };
        let protect = if self.protect { "protect: true" } else { "" };
        format!(
            "{{provider: models, model: m{}{was}, deploy: {{{place}{memory}{protect}}}}}",
            self.model
        )
    }
}
