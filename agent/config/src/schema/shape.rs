//! What values look like.

use serde_json::{Map, Value, json};

use super::keys::{Below, Section};
use super::section;

/// A text that has a variable in it.
const VARIABLE: &str = r"\$\{";
/// A DNS label.
const LABEL: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";

/// What a value looks like. Wherever there is a value, a variable may stand for it.
pub(super) enum Shape {
    /// Any text with at least one character.
    Text,
    /// A text that this matches.
    Pattern(&'static str),
    /// A DNS label.
    Label,
    /// A whole number between two.
    Integer(i64, i64),
    /// A number between two.
    Number(f64, f64),
    /// The version of Postgres: a number, or a text of digits.
    Version(i64, i64),
    /// `true` or `false`.
    Flag,
    /// One of these.
    Word(&'static [&'static str]),
    /// A list of these.
    Words(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// A map that goes to somebody else as it is.
    Free,
    /// A list of such maps.
    Frees,
    /// A secret.
    Secret,
    /// An amount of memory.
    Memory,
    /// A time in seconds or with a unit; negative: for ever.
    Time,
    /// A map with fixed keys.
    Section(&'static Section),
    /// A map of such maps by name, with at least so many.
    Named(&'static Section, usize),
}

impl Shape {
    /// The keys below it.
    pub(super) fn below(&self) -> Option<(Below, &'static Section)> {
        match self {
            Self::Section(below) => Some((Below::Section, below)),
            Self::Named(below, _) => Some((Below::Named, below)),
            Self::Text
            | Self::Pattern(_)
            | Self::Label
            | Self::Integer(..)
            | Self::Number(..)
            | Self::Version(..)
            | Self::Flag
            | Self::Word(_)
            | Self::Words(_)
            | Self::Texts
            | Self::Free
            | Self::Frees
            | Self::Secret
            | Self::Memory
            | Self::Time => None,
        }
    }

    pub(super) fn schema(&self) -> Map<String, Value> {
        let value = match self {
            Self::Text => json!({ "type": "string", "minLength": 1 }),
            Self::Pattern(pattern) => text(pattern),
            Self::Label => text(LABEL),
            Self::Integer(least, most) => {
                or_variable(&[json!({ "type": "integer", "minimum": least, "maximum": most })])
            }
            Self::Number(least, most) => {
                or_variable(&[json!({ "type": "number", "minimum": least, "maximum": most })])
            }
            Self::Version(least, most) => or_variable(&[
                json!({ "type": "integer", "minimum": least, "maximum": most }),
                json!({ "type": "string", "pattern": "^[0-9]+$" }),
            ]),
            Self::Flag => or_variable(&[json!({ "type": "boolean" })]),
            Self::Word(words) => or_variable(&[json!({ "enum": words })]),
            Self::Words(words) => json!({
                "type": "array",
                "items": or_variable(&[json!({ "enum": words })]),
            }),
            Self::Texts => json!({
                "type": "array",
                "items": { "type": "string", "minLength": 1 },
            }),
            Self::Free => json!({ "type": ["object", "null"] }),
            Self::Frees => json!({
                "type": "array",
                "items": { "type": ["object", "null"] },
            }),
            Self::Secret => json!({ "anyOf": [
                { "type": "string", "minLength": 1 },
                {
                    "type": "object",
                    "properties": {
                        "file": { "type": "string", "minLength": 1, "description": "Holds the secret" },
                    },
                    "required": ["file"],
                    "additionalProperties": false,
                },
            ] }),
            Self::Memory => or_variable(&[
                json!({ "type": "integer", "minimum": 6 << 20 }),
                json!({ "type": "string", "pattern": "^\\s*[0-9]+\\s*([kmgtKMGT]?([iI]?[bB])?)\\s*$" }),
            ]),
            Self::Time => or_variable(&[
                json!({ "type": "integer" }),
                json!({ "type": "string", "pattern": "^-?[0-9]+[smh]?$" }),
            ]),
            Self::Section(below) => return section(below),
            Self::Named(below, least) => {
                let one = Value::from(section(below));
                if *least == 0 {
                    json!({ "type": ["object", "null"], "additionalProperties": one })
                } else {
                    json!({ "type": "object", "minProperties": least, "additionalProperties": one })
                }
            }
        };
        match value {
            Value::Object(map) => map,
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Map::new(),
        }
    }
}

/// A text that `pattern` matches or that has a variable in it.
fn text(pattern: &str) -> Value {
    or_variable(&[json!({ "type": "string", "pattern": pattern })])
}

fn or_variable(choices: &[Value]) -> Value {
    let variable = json!({ "type": "string", "pattern": VARIABLE });
    json!({ "anyOf": ([choices, &[variable]].concat()) })
}
