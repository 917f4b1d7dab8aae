//! `agents:`

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use rivetos_types::id::AgentName;
use rivetos_types::store::Thinking;

use crate::model::{Agent, ModelRef, Provider, Target};
use crate::problem::nearest;

use super::budget::budget;
use super::deploy::{Places, deploy};
use super::field::Field;
use super::reader::Reader;
use super::section::Section;
use super::tools::tools;

/// How much a model thinks, by the words for it.
const THINKING: [(&str, Thinking); 4] = [
    ("off", Thinking::Off),
    ("low", Thinking::Low),
    ("medium", Thinking::Medium),
    ("high", Thinking::High),
];

/// What agents refer to.
pub(super) struct Surroundings<'a> {
    /// `None` when they are missing.
    pub(super) providers: Option<&'a BTreeMap<String, Provider>>,
    /// `None` without `deployment`.
    pub(super) places: Option<&'a Places>,
}

/// What `agents:` says.
pub(super) struct Read {
    /// Every name that is there, so that a mistake in one agent does not look like an absent one.
    pub(super) names: BTreeSet<String>,
    /// The targets that agents name themselves.
    pub(super) targets: BTreeSet<Target>,
    /// Never empty; `None` when one of them cannot be used.
    pub(super) agents: Option<BTreeMap<AgentName, Agent>>,
}

/// `agents:`
pub(super) fn agents(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    surroundings: &Surroundings<'_>,
) -> Option<Read> {
    let entries = Section::open(reader, field)?.entries();
    if entries.is_empty() {
        field.problem(
            reader,
            "there is no agent here, but at least one is needed",
            None,
        );
        return None;
    }
    let names: BTreeSet<String> = entries.iter().map(|(key, _)| key.name.clone()).collect();
    let mut agents = BTreeMap::new();
    let mut complete = true;
    let mut firsts = Firsts::default();
    for (key, field) in entries {
        let name = AgentName::from_str(&key.name).map_err(|error| {
            reader.problem(key.at, &field.path, error.to_string(), None);
        });
        match (name, agent(reader, &field, surroundings, &mut firsts)) {
            (Ok(name), Some(agent)) => {
                agents.insert(name, agent);
            }
            (Err(()), _) | (_, None) => complete = false,
        }
    }
    firsts.check(reader, &names);
    let targets = agents
        .values()
        .filter_map(|agent: &Agent| agent.deploy.target)
        .collect();
    Some(Read {
        names,
        targets,
        agents: complete.then_some(agents),
    })
}

fn agent<'n>(
    reader: &mut Reader<'_>,
    field: &Field<'n>,
    surroundings: &Surroundings<'_>,
    firsts: &mut Firsts<'n>,
) -> Option<Agent> {
    let mut section = Section::open(reader, field)?;
    let provider = section
        .required(reader, "provider")
        .and_then(|field| provider_of_agent(reader, &field, surroundings.providers));
    let model = section
        .optional("model")
        .and_then(|field| field.text(reader));
    let fallbacks = section
        .optional("fallbacks")
        .and_then(|field| fallbacks(reader, &field, surroundings.providers));
    let thinking = section
        .optional("default_thinking")
        .and_then(|field| field.choice(reader, &THINKING, &[]));
    let tools = section
        .optional("tools")
        .and_then(|field| tools(reader, &field));
    let budget = section
        .optional("budget")
        .and_then(|field| budget(reader, &field));
    let was = section.optional("was").and_then(|field| {
        let was: AgentName = field.name(reader)?;
        firsts.0.push((was.clone(), field));
        Some(was)
    });
    let deploy = section
        .optional("deploy")
        .and_then(|field| deploy(reader, &field, surroundings.places));
    section.finish(reader);
    let (tools, policy) = tools.unwrap_or_default();
    Some(Agent {
        provider: provider?,
        model,
        fallbacks: fallbacks.unwrap_or_default(),
        thinking,
        tools,
        policy,
        budget: budget.unwrap_or_default(),
        was,
        deploy: deploy.unwrap_or_default(),
    })
}

/// First names of agents that were renamed.
#[derive(Default)]
struct Firsts<'n>(Vec<(AgentName, Field<'n>)>);

impl Firsts<'_> {
    /// Reports those that are not one agent's alone.
    fn check(self, reader: &mut Reader<'_>, names: &BTreeSet<String>) {
        let mut taken: BTreeSet<AgentName> = BTreeSet::new();
        for (was, field) in self.0 {
            if names.contains(was.as_str()) {
                let message = format!("agent `{was}` is still there");
                let hint = "`was` is the name that the agent had first and nobody has now";
                field.problem(reader, message, Some(hint.to_owned()));
            } else if taken.contains(&was) {
                let message = format!("another agent was `{was}` already");
                field.problem(reader, message, None);
            }
            taken.insert(was);
        }
    }
}

fn provider_of_agent(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    providers: Option<&BTreeMap<String, Provider>>,
) -> Option<String> {
    let name = field.text(reader)?;
    known_provider(reader, field, name, providers)
}

/// `name`, if there is such a provider.
fn known_provider(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    name: String,
    providers: Option<&BTreeMap<String, Provider>>,
) -> Option<String> {
    // Without providers there is a problem already, and nothing to compare with.
    let Some(providers) = providers else {
        return Some(name);
    };
    if !providers.contains_key(&name) {
        let known: Vec<&str> = providers.keys().map(String::as_str).collect();
        let message = format!("{} is not one of the `providers`", field.written(&name));
        let hint = nearest(&name, known.iter().copied()).map_or_else(
            || format!("there are: {}", known.join(", ")),
            |near| format!("did you mean `{near}`? There are: {}", known.join(", ")),
        );
        field.problem(reader, message, Some(hint));
        return None;
    }
    Some(name)
}

/// A list of `provider` or `provider:model`; names of models have colons too, those of providers
/// have none.
fn fallbacks(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    providers: Option<&BTreeMap<String, Provider>>,
) -> Option<Vec<ModelRef>> {
    let mut seen = BTreeSet::new();
    field.list(
        reader,
        "a list of `provider` or `provider:model`",
        |item, reader| {
            let text = item.text(reader)?;
            let (provider, model) = match text.split_once(':') {
                Some((provider, model)) => (provider, Some(model)),
                None => (text.as_str(), None),
            };
            if model == Some("") {
                let hint = Some(format!(
                    "write `{provider}:MODEL`, or `{provider}` for its own model"
                ));
                item.problem(reader, "the model behind the colon is missing", hint);
                return None;
            }
            let fallback = ModelRef {
                provider: known_provider(reader, item, provider.to_owned(), providers)?,
                model: model.map(str::to_owned),
            };
            if !seen.insert(fallback.clone()) {
                item.problem(reader, format!("`{fallback}` is in the list already"), None);
                return None;
            }
            Some(fallback)
        },
    )
}
