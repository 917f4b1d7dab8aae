//! Values that go to somebody else as they are.

use serde_json::{Map, Number, Value as Json};

use crate::node::Value;

use super::field::Field;
use super::reader::Reader;
use super::section::Section;

impl Field<'_> {
    /// Whatever JSON can say; variables are put into texts.
    fn json(&self, reader: &mut Reader<'_>) -> Option<Json> {
        let number = match &self.node.value {
            Value::Null => return Some(Json::Null),
            Value::Bool(value) => return Some(Json::Bool(*value)),
            Value::Text(written) => {
                let text = reader.interpolate(self.node.at, &self.path, written)?;
                return Some(Json::String(text));
            }
            Value::List(nodes) => {
                let items = nodes.iter().map(|node| self.item(node).json(reader));
                return items.collect::<Option<Vec<Json>>>().map(Json::Array);
            }
            Value::Map(_) => return self.object(reader).map(Json::Object),
            Value::Integer(value) => Number::from_i128(*value),
            Value::Float(value) => Number::from_f64(*value),
        };
        if number.is_none() {
            self.problem(reader, "JSON has no such number", None);
        }
        number.map(Json::Number)
    }

    /// A map of any keys.
    pub(super) fn object(&self, reader: &mut Reader<'_>) -> Option<Map<String, Json>> {
        let mut object = Map::new();
        let mut complete = true;
        for (key, field) in Section::open(reader, self)?.entries() {
            match field.json(reader) {
                Some(value) => {
                    object.insert(key.name.clone(), value);
                }
                None => complete = false,
            }
        }
        complete.then_some(object)
    }

    /// A list of such maps.
    pub(super) fn objects(&self, reader: &mut Reader<'_>) -> Option<Vec<Map<String, Json>>> {
        self.list(reader, "a list of maps", Field::object)
    }

    /// A list of texts, none of them empty.
    pub(super) fn texts(&self, reader: &mut Reader<'_>) -> Option<Vec<String>> {
        self.list(reader, "a list of texts", Field::text)
    }

    /// A list of words out of `choices`, none of them twice.
    pub(super) fn choices<T: Copy + PartialEq>(
        &self,
        reader: &mut Reader<'_>,
        choices: &[(&str, T)],
    ) -> Option<Vec<T>> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let wanted = format!("a list of {}", words.join(", "));
        let mut chosen = self.list(reader, &wanted, |item, reader| {
            item.choice(reader, choices, &[])
        })?;
        let mut seen: Vec<T> = Vec::new();
        chosen.retain(|one| {
            let is_new = !seen.contains(one);
            seen.push(*one);
            is_new
        });
        Some(chosen)
    }

    /// A list; every value that cannot be used is reported.
    pub(super) fn list<T>(
        &self,
        reader: &mut Reader<'_>,
        wanted: &str,
        mut read: impl FnMut(&Self, &mut Reader<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::List(nodes) = &self.node.value else {
            self.wrong_type(reader, wanted, None);
            return None;
        };
        let read: Vec<Option<T>> = nodes
            .iter()
            .map(|node| read(&self.item(node), reader))
            .collect();
        read.into_iter().collect()
    }
}
