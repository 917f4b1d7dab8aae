//! `agents.<name>.tools`

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Policy, Tool, Tools};
use crate::node::Value;

use super::field::Field;
use super::reader::Reader;
use super::section::Section;

/// `agents.<name>.tools`
pub(super) fn tools(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
) -> Option<(Tools, BTreeMap<Tool, Policy>)> {
    let mut section = Section::open(reader, field)?;
    let include_field = section.optional("include");
    let include = include_field.as_ref().and_then(|field| set(reader, field));
    let exclude_field = section.optional("exclude");
    let exclude = exclude_field.as_ref().and_then(|field| set(reader, field));
    let policy = section
        .optional("policy")
        .and_then(|field| policy(reader, &field));
    section.finish(reader);
    if let (Some(_), Some(field)) = (include_field, exclude_field) {
        let message = "this has no effect beside `include`".to_owned();
        reader.warning(field.at, &field.path, message, "remove it".to_owned());
    }
    let tools = match (include, exclude) {
        (Some(include), _) => Tools::Only(include),
        (None, Some(exclude)) => Tools::Without(exclude),
        (None, None) => Tools::All,
    };
    Some((tools, policy.unwrap_or_default()))
}

fn policy(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<BTreeMap<Tool, Policy>> {
    let mut section = Section::open(reader, field)?;
    let mut policies = BTreeMap::new();
    for (word, tool) in Tool::ALL {
        let policy = section
            .optional(word)
            .and_then(|field| field.choice(reader, &Policy::ALL, &[]));
        policies.extend(policy.map(|policy| (tool, policy)));
    }
    section.finish(reader);
    Some(policies)
}

fn set(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<BTreeSet<Tool>> {
    let Value::List(nodes) = &field.node.value else {
        let hint = "for example [shell, file_read]".to_owned();
        field.wrong_type(reader, "a list of tools", Some(hint));
        return None;
    };
    let mut tools = BTreeSet::new();
    for node in nodes {
        if let Some(tool) = field.item(node).choice(reader, &Tool::ALL, &LATER_TOOLS) {
            tools.insert(tool);
        }
    }
    Some(tools)
}

/// Tools that other versions know.
const LATER_TOOLS: [&str; 8] = [
    "delegate_task",
    "internet_search",
    "memory_search",
    "search_glob",
    "search_grep",
    "subagent_spawn",
    "web_fetch",
    "web_search",
];
