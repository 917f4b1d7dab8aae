//! A map whose keys are taken one after the other; what is left is unknown.

use std::collections::BTreeMap;

use crate::node::{Key, Node, Value};
use crate::problem::nearest;
use crate::spelling::{camel, snake};

use super::field::Field;
use super::later::refuse;
use super::reader::Reader;

/// A map that is being read.
pub(super) struct Section<'n> {
    field: Field<'n>,
    left: BTreeMap<&'n str, (&'n Key, &'n Node)>,
    known: Vec<&'static str>,
}

impl<'n> Section<'n> {
    /// The map that `field` holds. A key without a value below it is an empty map.
    pub(super) fn open(reader: &mut Reader<'_>, field: &Field<'n>) -> Option<Self> {
        let left = match &field.node.value {
            Value::Map(entries) => entries_of(reader, field, entries),
            Value::Null => BTreeMap::new(),
            Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_) => {
                field.wrong_type(reader, "a map of keys and values", None);
                return None;
            }
        };
        Some(Self {
            field: field.clone(),
            left,
            known: Vec::new(),
        })
    }

    /// The value of `key`, if it is there in one of its spellings.
    pub(super) fn optional(&mut self, key: &'static str) -> Option<Field<'n>> {
        self.known.push(key);
        self.take(key)
    }

    /// The same for a key that means nothing beside others that are there.
    pub(super) fn take(&mut self, key: &str) -> Option<Field<'n>> {
        let found = self.left.remove(key);
        let (key, node) = found.or_else(|| self.left.remove(camel(key).as_str()))?;
        Some(self.field.child(key, node))
    }

    /// Whether `key` is there and was not taken yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.left.contains_key(key) || self.left.contains_key(camel(key).as_str())
    }

    /// The value of `key`; a problem if it is not there.
    pub(super) fn required(
        &mut self,
        reader: &mut Reader<'_>,
        key: &'static str,
    ) -> Option<Field<'n>> {
        let found = self.optional(key);
        if found.is_none() {
            self.missing(reader, key, None);
        }
        found
    }

    /// Reports that `key` is missing.
    pub(super) fn missing(&self, reader: &mut Reader<'_>, key: &str, hint: Option<String>) {
        let path = self.field.path_of(key);
        reader.problem(self.field.at, &path, "this key is missing".to_owned(), hint);
    }

    /// Every entry, for maps whose keys are names.
    pub(super) fn entries(mut self) -> Vec<(&'n Key, Field<'n>)> {
        let left = std::mem::take(&mut self.left);
        left.into_values()
            .map(|(key, node)| (key, self.field.child(key, node)))
            .collect()
    }

    /// Reports the keys that nobody took.
    pub(super) fn finish(self, reader: &mut Reader<'_>) {
        for (name, (key, node)) in &self.left {
            let path = self.field.path_of(name);
            if refuse(reader, &self.field.child(key, node)) {
                continue;
            }
            let canonical = snake(name);
            if self.known.contains(&canonical.as_str()) {
                let message =
                    format!("this is `{canonical}` in another spelling, which is there too");
                reader.problem(
                    key.at,
                    &path,
                    message,
                    Some("remove one of them".to_owned()),
                );
                continue;
            }
            let hint = match nearest(name, self.known.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("possible here: {}", self.known.join(", ")),
            };
            reader.problem(key.at, &path, "unknown key".to_owned(), Some(hint));
        }
    }
}

fn entries_of<'n>(
    reader: &mut Reader<'_>,
    field: &Field<'n>,
    entries: &'n [(Key, Node)],
) -> BTreeMap<&'n str, (&'n Key, &'n Node)> {
    let mut left: BTreeMap<&str, (&Key, &Node)> = BTreeMap::new();
    for (key, node) in entries {
        if let Some((first, _)) = left.get(key.name.as_str()) {
            let message = format!("this key is in line {} already", first.at.line);
            reader.problem(key.at, &field.path_of(&key.name), message, None);
        } else {
            left.insert(&key.name, (key, node));
        }
    }
    left
}
