//! Texts that look like secrets, hidden from whoever reads along.

use crate::node::{self, Node, Value};
use crate::read::looks_secret;
use crate::write::quoted;

/// What stands in place of such a text.
const HIDDEN: &str = "***";

/// `text`, which [`crate::Config::to_yaml`] wrote, without the texts that reading it warns of as
/// secrets where no secret belongs.
pub fn redacted(text: &str) -> String {
    let Ok(root) = node::tree(text) else {
        return text.to_owned();
    };
    let mut secrets = Vec::new();
    gather(&root, &mut secrets);
    secrets.iter().fold(text.to_owned(), |text, secret| {
        text.replace(&quoted(secret), &quoted(HIDDEN))
    })
}

fn gather<'n>(node: &'n Node, secrets: &mut Vec<&'n str>) {
    match &node.value {
        Value::Text(text) => secrets.extend(looks_secret(text).then_some(text.as_str())),
        Value::Map(entries) => entries.iter().for_each(|(_, below)| gather(below, secrets)),
        Value::List(nodes) => nodes.iter().for_each(|below| gather(below, secrets)),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {}
    }
}
