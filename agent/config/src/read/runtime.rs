//! `runtime:`

use std::collections::BTreeSet;
use std::time::Duration;

use rivetos_types::id::AgentName;

use crate::model::Runtime;
use crate::node::Place;
use crate::problem::nearest;

use super::field::Field;
use super::reader::Reader;
use super::section::Section;

/// Model requests of one turn when the file does not say.
const TOOL_ITERATIONS_DEFAULT: u32 = 75;
/// The most that can be asked for.
const TOOL_ITERATIONS_MAX: i128 = 10_000;
/// Seconds of one turn when the file does not say.
const TURN_SECONDS_DEFAULT: u64 = 900;
/// The most that can be asked for: a day.
const TURN_SECONDS_MAX: i128 = 86_400;

/// `runtime:`; everything in it has a default when there is only one agent. `agents` are the names
/// to choose from, `None` when they are not known.
pub(super) fn runtime(
    reader: &mut Reader<'_>,
    field: Option<&Field<'_>>,
    agents: Option<&BTreeSet<String>>,
) -> Option<Runtime> {
    let Some(field) = field else {
        let default_agent = only_agent(reader, Place::START, agents)?;
        return Some(defaults(default_agent));
    };
    let mut section = Section::open(reader, field)?;
    let default_agent = match section.optional("default_agent") {
        Some(field) => default_agent(reader, &field, agents),
        None => only_agent(reader, field.at, agents),
    };
    let workspace = section
        .optional("workspace")
        .and_then(|field| field.file_path(reader));
    let iterations = section
        .optional("max_tool_iterations")
        .and_then(|field| field.integer(reader, 1..=TOOL_ITERATIONS_MAX));
    let seconds = section
        .optional("turn_timeout")
        .and_then(|field| field.integer(reader, 1..=TURN_SECONDS_MAX));
    section.finish(reader);
    let mut runtime = defaults(default_agent?);
    runtime.workspace = workspace;
    if let Some(iterations) = iterations {
        runtime.max_tool_iterations = iterations;
    }
    if let Some(seconds) = seconds {
        runtime.turn_timeout = Duration::from_secs(seconds);
    }
    Some(runtime)
}

fn defaults(default_agent: AgentName) -> Runtime {
    Runtime {
        default_agent,
        workspace: None,
        max_tool_iterations: TOOL_ITERATIONS_DEFAULT,
        turn_timeout: Duration::from_secs(TURN_SECONDS_DEFAULT),
    }
}

fn default_agent(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    agents: Option<&BTreeSet<String>>,
) -> Option<AgentName> {
    let text = field.text(reader)?;
    if let Some(agents) = agents
        && !agents.contains(&text)
    {
        let message = format!("{} is not one of the `agents`", field.written(&text));
        let there_are = listed(agents);
        let hint = nearest(&text, agents.iter().map(String::as_str)).map_or_else(
            || format!("there are: {there_are}"),
            |near| format!("did you mean `{near}`? There are: {there_are}"),
        );
        field.problem(reader, message, Some(hint));
        return None;
    }
    // A name that is no name was reported where the agent stands.
    text.parse().ok()
}

fn only_agent(
    reader: &mut Reader<'_>,
    at: Place,
    agents: Option<&BTreeSet<String>>,
) -> Option<AgentName> {
    let agents = agents?;
    if agents.len() == 1 {
        return agents.first()?.parse().ok();
    }
    let message = "this key is missing, and there is more than one agent".to_owned();
    let hint = Some(format!("name one of: {}", listed(agents)));
    reader.problem(at, "runtime.default_agent", message, hint);
    None
}

fn listed(names: &BTreeSet<String>) -> String {
    names
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}
