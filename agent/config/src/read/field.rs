//! One value and the conversions that values go through.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use rivetos_types::id::NameError;

use crate::environment::has_variables;
use crate::node::{Key, Node, Place, Value};

use super::literal::looks_secret;
use super::reader::Reader;

/// How much of a value a message shows, in characters.
const SHOWN_CHARS_MAX: usize = 40;

/// A value with its path.
#[derive(Clone)]
pub(super) struct Field<'n> {
    pub(super) path: String,
    /// The place of its key.
    pub(super) at: Place,
    pub(super) node: &'n Node,
}

impl<'n> Field<'n> {
    /// The file as a whole.
    pub(super) fn root(node: &'n Node) -> Self {
        Self {
            path: String::new(),
            at: Place::START,
            node,
        }
    }

    /// The value of `key` in the map that this is.
    pub(super) fn child(&self, key: &Key, node: &'n Node) -> Self {
        Self {
            path: self.path_of(&key.name),
            at: key.at,
            node,
        }
    }

    /// One value of the list that this is.
    pub(super) fn item(&self, node: &'n Node) -> Self {
        Self {
            path: self.path.clone(),
            at: node.at,
            node,
        }
    }

    /// The path of the key `name` in the map that this is.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// Reports that the value cannot be used.
    pub(super) fn problem(
        &self,
        reader: &mut Reader<'_>,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        reader.problem(self.node.at, &self.path, message.into(), hint);
    }

    /// Reports that the value is not of the type that is `wanted`.
    pub(super) fn wrong_type(&self, reader: &mut Reader<'_>, wanted: &str, hint: Option<String>) {
        let found = match &self.node.value {
            Value::Null => "there is no value".to_owned(),
            Value::Bool(value) => format!("this is {value}"),
            Value::Integer(value) => format!("this is the number {value}"),
            Value::Float(value) => format!("this is the number {value}"),
            Value::Text(text) => format!("this is the text {}", shown(text)),
            Value::List(_) => "this is a list".to_owned(),
            Value::Map(_) => "this is a map".to_owned(),
        };
        self.problem(reader, format!("{found}, but {wanted} is needed"), hint);
    }

    /// A text with at least one character, variables put in.
    pub(super) fn text(&self, reader: &mut Reader<'_>) -> Option<String> {
        let Value::Text(written) = &self.node.value else {
            let hint = matches!(
                self.node.value,
                Value::Bool(_) | Value::Integer(_) | Value::Float(_)
            );
            self.wrong_type(
                reader,
                "a text",
                hint.then(|| "write it in quotes".to_owned()),
            );
            return None;
        };
        let text = reader.interpolate(self.node.at, &self.path, written)?;
        if text.is_empty() {
            self.problem(reader, "this text is empty", None);
            return None;
        }
        Some(text)
    }

    /// A text that is a DNS label.
    pub(super) fn name<T: FromStr<Err = NameError>>(&self, reader: &mut Reader<'_>) -> Option<T> {
        let text = self.text(reader)?;
        self.parsed(reader, &text)
    }

    /// `text` as something that is written as a text.
    pub(super) fn parsed<T: FromStr<Err: Display>>(
        &self,
        reader: &mut Reader<'_>,
        text: &str,
    ) -> Option<T> {
        text.parse()
            .map_err(|error: T::Err| self.problem(reader, error.to_string(), None))
            .ok()
    }

    /// A path; `~/` at its beginning is the home folder.
    pub(super) fn file_path(&self, reader: &mut Reader<'_>) -> Option<PathBuf> {
        let text = self.text(reader)?;
        let Some(below) = text.strip_prefix("~/") else {
            return Some(text.into());
        };
        let Some(home) = reader.variable("HOME").filter(|home| !home.is_empty()) else {
            let hint = Some("export HOME=… or write the whole path".to_owned());
            self.problem(
                reader,
                "`~` is the home folder, but `HOME` is not set",
                hint,
            );
            return None;
        };
        Some(PathBuf::from(home).join(below))
    }

    /// `text` for a message: as the file has it when it comes from variables.
    pub(super) fn written(&self, text: &str) -> String {
        match &self.node.value {
            Value::Text(written) if has_variables(written) => shown(written),
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_) => shown(text),
        }
    }
}

/// The beginning of `text`, in one line; nothing of what looks like a secret.
pub(super) fn shown(text: &str) -> String {
    if looks_secret(text) {
        return "\"***\"".to_owned();
    }
    let mut start: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    format!("{start:?}")
}
