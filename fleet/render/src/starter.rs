//! The file that a new fleet begins with.

use rivetos_config::{FleetId, Target};
use serde::Serialize;

use crate::text::{RenderError, Template};

const FILE: Template = Template {
    path: "templates/starter/rivet.config.yaml.j2",
    source: include_str!("../../../templates/starter/rivet.config.yaml.j2"),
};

/// What a new fleet is to be like: two agents, `ada` and `max`, on one model, and a datahub where
/// the target can have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starter {
    /// Its name.
    pub fleet: FleetId,
    /// Where its agents run.
    pub target: Target,
    /// What they talk to.
    pub model: Model,
}

/// The model of a new fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Model {
    /// The built-in offline stand-in.
    Rehearsal,
    /// An OpenAI-compatible endpoint.
    OpenaiCompat {
        /// Which model to ask for.
        model: String,
        /// Up to and without `/chat/completions`.
        base_url: String,
        /// The environment variable that holds the key; never the key.
        api_key_variable: Option<String>,
    },
}

/// What the template sees.
#[derive(Debug, Serialize)]
struct Context<'a> {
    fleet: &'a str,
    target: &'static str,
    datahub: bool,
    provider: Provider<'a>,
}

#[derive(Debug, Serialize)]
struct Provider<'a> {
    name: &'static str,
    kind: &'static str,
    model: &'a str,
    base_url: Option<&'a str>,
    /// As it is written: `${NAME}`.
    api_key_variable: Option<String>,
}

/// The text of a `rivet.config.yaml` for `starter`.
pub fn starter(starter: &Starter) -> Result<String, RenderError> {
    let (target, datahub) = match starter.target {
        Target::Docker => ("docker", true),
        Target::Local => ("local", false),
    };
    let provider = match &starter.model {
        Model::Rehearsal => Provider {
            name: "rehearsal",
            kind: "rehearsal",
            model: "",
            base_url: None,
            api_key_variable: None,
        },
        Model::OpenaiCompat {
            model,
            base_url,
            api_key_variable,
        } => Provider {
            name: "main",
            kind: "openai-compat",
            model,
            base_url: Some(base_url),
            api_key_variable: api_key_variable.as_ref().map(|name| format!("${{{name}}}")),
        },
    };
    FILE.render(Context {
        fleet: starter.fleet.as_str(),
        target,
        datahub,
        provider,
    })
}
