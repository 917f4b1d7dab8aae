//! From the tree to the typed configuration, collecting every problem on the way.
//!
//! A reading function returns `None` only after it has reported why, so a `Config` is complete
//! exactly when no problem was reported.

mod agents;
mod budget;
mod channels;
mod choice;
mod datahub;
mod deploy;
mod deployment;
mod docker;
mod field;
mod image;
mod json;
mod later;
mod literal;
mod number;
mod provider;
mod providers;
mod reader;
mod runtime;
mod secret;
mod section;
mod telemetry;
mod tools;

pub(crate) use later::fate_elsewhere;
pub(crate) use literal::looks_secret;

use std::collections::BTreeMap;

use rivetos_types::secret::Secret;

use crate::environment::Environment;
use crate::model::Config;
use crate::node::{self, Broken, Node, Place, Value};
use crate::problem::{Problem, Problems};

use agents::Surroundings;
use field::Field;
use reader::Reader;
use section::Section;

/// A file that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// What it says.
    pub config: Config,
    /// What it says without effect, in the order of the file.
    pub warnings: Vec<Problem>,
    /// The secrets that it holds itself, by the path of their keys: what a
    /// [`SecretRef::Written`](crate::SecretRef::Written) stands for.
    pub written: BTreeMap<String, Secret<String>>,
}

/// Reads the whole of a `rivet.config.yaml`.
///
/// `file` is its name in messages; variables come from `environment`. Fails with every problem of
/// the file at once.
pub fn parse(text: &str, file: &str, environment: &dyn Environment) -> Result<Parsed, Problems> {
    let mut reader = Reader::new(file, environment);
    let config = match node::tree(text) {
        Ok(root) => config(&mut reader, &root),
        Err(Broken { at, message }) => {
            reader.problem(at, "", message, None);
            None
        }
    };
    reader.finish(config)
}

fn config(reader: &mut Reader<'_>, root: &Node) -> Option<Config> {
    if matches!(root.value, Value::Null) {
        let hint = "at least `agents` and `providers` are needed".to_owned();
        reader.problem(
            Place::START,
            "",
            "the file says nothing".to_owned(),
            Some(hint),
        );
        return None;
    }
    let mut section = Section::open(reader, &Field::root(root))?;
    let fleet = section.optional("fleet").map(|field| field.name(reader));
    let deployment = section
        .optional("deployment")
        .and_then(|field| deployment::deployment(reader, &field));
    let providers = section
        .required(reader, "providers")
        .and_then(|field| providers::providers(reader, &field));
    let surroundings = Surroundings {
        providers: providers.as_ref(),
        places: deployment.as_ref().map(|read| &read.places),
    };
    let agents = section
        .required(reader, "agents")
        .and_then(|field| agents::agents(reader, &field, &surroundings));
    if let (Some(deployment), Some(agents)) = (&deployment, &agents) {
        deployment.without_effect(reader, &agents.targets);
    }
    let runtime_field = section.optional("runtime");
    let names = agents.as_ref().map(|agents| &agents.names);
    let runtime = runtime::runtime(reader, runtime_field.as_ref(), names);
    let channels = section
        .optional("channels")
        .and_then(|f| channels::channels(reader, &f));
    let memory = section
        .optional("memory")
        .and_then(|f| channels::memory(reader, &f));
    let telemetry = section
        .optional("telemetry")
        .and_then(|f| telemetry::telemetry(reader, &f));
    section.finish(reader);
    literal::warn_of_secrets(reader, &Field::root(root));
    let (project, deployment) = match deployment {
        // A section that cannot be used was reported.
        Some(read) => (read.project, Some(read.deployment?)),
        None => (None, None),
    };
    let fleet = fleet.unwrap_or_else(|| project.or_else(|| "rivetos".parse().ok()));
    Some(Config {
        fleet: fleet?,
        runtime: runtime?,
        agents: agents?.agents?,
        providers: providers?,
        channels: channels.unwrap_or_default(),
        memory: memory.unwrap_or_default(),
        telemetry: telemetry.unwrap_or_default(),
        deployment,
    })
}
