//! YAML text as a tree of values that know where they were written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{
    Budget, DuplicateKeyPolicy, Error as YamlError, Location, NonFiniteFloatPolicy, Options,
    Spanned, UserMessageFormatter,
};

use crate::problem::{Problem, Problems};

/// The longest file that is read, in bytes.
const FILE_BYTES_MAX: usize = 1024 * 1024;
/// The deepest nesting of maps and lists.
const DEPTH_MAX: usize = 24;
/// The most values of one file, aliases expanded.
const NODES_MAX: usize = 20_000;

/// A place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: u64,
    /// From 1, in characters.
    pub(crate) column: u64,
}

impl Place {
    /// The beginning of the file.
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    fn of(location: Location) -> Self {
        if location == Location::UNKNOWN {
            return Self::START;
        }
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) value: Value,
}

/// A value of YAML's core schema.
#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file; a key that is written twice is here twice.
    Map(Vec<(Key, Node)>),
}

/// A key of a map and where it stands.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) at: Place,
    pub(crate) name: String,
}

/// Why there is no tree.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) at: Place,
    pub(crate) message: String,
}

impl Broken {
    /// The same as the one problem of `file`.
    pub(crate) fn within(self, file: &str) -> Problems {
        Problems(vec![Problem {
            file: file.to_owned(),
            line: self.at.line,
            column: self.at.column,
            path: String::new(),
            message: self.message,
            hint: None,
        }])
    }
}

/// The tree that `text` describes.
pub(crate) fn tree(text: &str) -> Result<Node, Broken> {
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file is longer than {FILE_BYTES_MAX} bytes");
        return Err(Broken {
            at: Place::START,
            message,
        });
    }
    serde_saphyr::from_str_with_options::<Node>(text, options()).map_err(|error| broken(&error))
}

fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_depth = DEPTH_MAX;
    budget.flow_nesting_limit = DEPTH_MAX;
    budget.max_nodes = NODES_MAX;
    budget.max_events = 4 * NODES_MAX;
    // One too many, so that the error names the matter and not the budget.
    budget.max_documents = 2;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.alias_limits.max_total_replayed_events = NODES_MAX;
    // Reported by the reader, with the other problems instead of before them.
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options.non_finite_float_policy = NonFiniteFloatPolicy::PassThrough;
    options.strict_booleans = true;
    // `0777` and `1_000` mean different numbers to different readers, so they are texts.
    options.leading_zero_numbers_as_strings = true;
    options.underscored_numbers_as_strings = true;
    options.with_snippet = false;
    options
}

fn broken(error: &YamlError) -> Broken {
    let error = error.without_snippet();
    let at = error.location().map_or(Place::START, Place::of);
    let error = match error {
        YamlError::AliasError { error, .. } => error,
        other => other,
    };
    let message = match error {
        YamlError::MultipleDocuments { .. } => {
            "the file holds more than one YAML document".to_owned()
        }
        YamlError::Budget { .. }
        | YamlError::AliasReplayLimitExceeded { .. }
        | YamlError::AliasReplayStackDepthExceeded { .. } => {
            "the file is nested too deeply, or its aliases stand for too much".to_owned()
        }
        other => {
            let said = other.render_with_formatter(&UserMessageFormatter);
            format!("this is not valid YAML: {}", without_place(&said))
        }
    };
    Broken { at, message }
}

/// The parser's message without the place, which is shown in front of every problem anyway.
fn without_place(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    let end = message.find(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self {
            at: Place::of(spanned.referenced),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            if nodes.len() == NODES_MAX {
                return Err(A::Error::custom("the file has too many values"));
            }
            nodes.push(node);
        }
        Ok(Value::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            if entries.len() == NODES_MAX {
                return Err(A::Error::custom("the file has too many values"));
            }
            let key = Key {
                at: Place::of(key.referenced),
                name: key.value,
            };
            entries.push((key, map.next_value()?));
        }
        Ok(Value::Map(entries))
    }
}
