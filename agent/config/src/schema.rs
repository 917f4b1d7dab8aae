//! The JSON Schema of the file, for editors. Made from one table of keys, which the tests hold
//! against the reader.

mod keys;
mod shape;

use serde_json::{Map, Value, json};

use crate::spelling::camel;

use keys::{Key, ROOT, Section};

/// The name of the schema; it is nowhere to be fetched.
const ID: &str = "urn:rivetos:rivet.config.yaml";

/// The JSON Schema (draft 2020-12) of `rivet.config.yaml`, indented, with a line break at its end.
pub fn schema() -> String {
    let mut root = section(&ROOT);
    root.insert(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    root.insert("$id".to_owned(), json!(ID));
    root.insert("title".to_owned(), json!("rivet.config.yaml"));
    root.insert("type".to_owned(), json!("object"));
    format!("{:#}\n", Value::Object(root))
}

/// Whether `path` is a key of the file, in `snake_case`; names in it count as they are written.
pub(crate) fn is_key(path: &[String]) -> bool {
    let mut section = &ROOT;
    let mut rest = path.iter();
    while let Some(name) = rest.next() {
        let Some(key) = section.keys.iter().find(|key| key.name == name) else {
            return false;
        };
        section = match key.shape.below() {
            None => return rest.next().is_none(),
            Some((keys::Below::Section, below)) => below,
            Some((keys::Below::Named, below)) => {
                if rest.next().is_none() {
                    return true;
                }
                below
            }
        };
    }
    true
}

/// A map with fixed keys. One without a value below it is an empty map.
fn section(section: &Section) -> Map<String, Value> {
    let properties: Map<String, Value> = section
        .keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    // Not among the properties, so that no editor offers them.
    let aliases: Map<String, Value> = section
        .keys
        .iter()
        .filter(|key| key.name.contains('_'))
        .map(|key| (format!("^{}$", camel(key.name)), property(key)))
        .collect();
    let mut map = Map::new();
    map.insert("type".to_owned(), json!(["object", "null"]));
    map.insert("properties".to_owned(), properties.into());
    if !aliases.is_empty() {
        map.insert("patternProperties".to_owned(), aliases.into());
    }
    map.insert("additionalProperties".to_owned(), json!(false));
    let required: Vec<&str> = section
        .keys
        .iter()
        .filter(|key| key.needed)
        .map(|key| key.name)
        .collect();
    if !required.is_empty() {
        map.insert("required".to_owned(), json!(required));
    }
    map
}

fn property(key: &Key) -> Value {
    let mut property = key.shape.schema();
    property.insert("description".to_owned(), json!(key.about));
    property.into()
}
