//! `agents.<name>.tools`

use std::collections::BTreeSet;

use crate::model::{Tool, Tools};
use crate::node::Value;

use super::field::Field;
use super::reader::Reader;
use super::section::Section;

/// `agents.<name>.tools`
pub(super) fn tools(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Tools> {
    let mut section = Section::open(reader, field)?;
    let include_field = section.optional("include");
    let include = include_field.as_ref().and_then(|field| set(reader, field));
    let exclude_field = section.optional("exclude");
    let exclude = exclude_field.as_ref().and_then(|field| set(reader, field));
    section.finish(reader);
    if let (Some(_), Some(field)) = (include_field, exclude_field) {
        let message = "this has no effect beside `include`".to_owned();
        reader.warning(field.at, &field.path, message, "remove it".to_owned());
    }
    Some(match (include, exclude) {
        (Some(include), _) => Tools::Only(include),
        (None, Some(exclude)) => Tools::Without(exclude),
        (None, None) => Tools::All,
    })
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
