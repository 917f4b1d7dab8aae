//! One value and the conversions that values go through.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use rivetos_types::id::NameError;
use rivetos_types::secret::SecretRef;

use crate::environment::{has_variables, sole_variable};
use crate::node::{Key, Node, Place, Value};
use crate::problem::nearest;

use super::reader::Reader;
use super::section::Section;

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
            Value::List => "this is a list".to_owned(),
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

    /// A whole number.
    pub(super) fn integer<T: TryFrom<i128>>(
        &self,
        reader: &mut Reader<'_>,
        range: RangeInclusive<i128>,
    ) -> Option<T> {
        let value = match &self.node.value {
            Value::Integer(value) => *value,
            Value::Text(written) => self.number_in_text(reader, written, "a whole number")?,
            Value::Null | Value::Bool(_) | Value::Float(_) | Value::List | Value::Map(_) => {
                self.wrong_type(reader, "a whole number", None);
                return None;
            }
        };
        let number = range
            .contains(&value)
            .then(|| T::try_from(value).ok())
            .flatten();
        if number.is_none() {
            let (first, last) = range.into_inner();
            self.problem(
                reader,
                format!("{value} is not between {first} and {last}"),
                None,
            );
        }
        number
    }

    /// A number with or without fraction.
    pub(super) fn number(
        &self,
        reader: &mut Reader<'_>,
        range: RangeInclusive<f64>,
    ) -> Option<f64> {
        let value = match &self.node.value {
            #[expect(clippy::cast_precision_loss, reason = "the range is far smaller")]
            Value::Integer(value) => *value as f64,
            Value::Float(value) => *value,
            Value::Text(written) => self.number_in_text(reader, written, "a number")?,
            Value::Null | Value::Bool(_) | Value::List | Value::Map(_) => {
                self.wrong_type(reader, "a number", None);
                return None;
            }
        };
        if !range.contains(&value) {
            let (first, last) = range.into_inner();
            self.problem(
                reader,
                format!("{value} is not between {first} and {last}"),
                None,
            );
            return None;
        }
        Some(value)
    }

    /// Variables are texts in YAML, so a text made of them may stand where a number is wanted; a
    /// text without any may not.
    fn number_in_text<T: FromStr>(
        &self,
        reader: &mut Reader<'_>,
        written: &str,
        wanted: &str,
    ) -> Option<T> {
        if !has_variables(written) {
            let hint = written
                .parse::<T>()
                .is_ok()
                .then(|| "write it without quotes".to_owned());
            self.wrong_type(reader, wanted, hint);
            return None;
        }
        let text = reader.interpolate(self.node.at, &self.path, written)?;
        let number = text.trim().parse().ok();
        if number.is_none() {
            let message = format!("{} does not come to {wanted}", shown(written));
            self.problem(reader, message, None);
        }
        number
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, reader: &mut Reader<'_>) -> Option<bool> {
        match &self.node.value {
            Value::Bool(value) => return Some(*value),
            Value::Text(written) if has_variables(written) => {
                match reader
                    .interpolate(self.node.at, &self.path, written)?
                    .as_str()
                {
                    "true" => return Some(true),
                    "false" => return Some(false),
                    _ => {
                        let message = format!("{} does not come to true or false", shown(written));
                        self.problem(reader, message, None);
                        return None;
                    }
                }
            }
            Value::Null
            | Value::Text(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::List
            | Value::Map(_) => {}
        }
        let quoted =
            matches!(&self.node.value, Value::Text(text) if text == "true" || text == "false");
        let hint = quoted.then(|| "write it without quotes".to_owned());
        self.wrong_type(reader, "true or false", hint);
        None
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
            | Value::List
            | Value::Map(_) => shown(text),
        }
    }

    /// One of `choices`, each with the words for it; `later` are words of other versions.
    pub(super) fn choice<T: Copy>(
        &self,
        reader: &mut Reader<'_>,
        choices: &[(&str, T)],
        later: &[&str],
    ) -> Option<T> {
        let text = self.text(reader)?;
        self.choice_of(reader, &text, choices, later)
    }

    /// Like [`Self::choice`] for a word that was found already.
    pub(super) fn choice_of<T: Copy>(
        &self,
        reader: &mut Reader<'_>,
        text: &str,
        choices: &[(&str, T)],
        later: &[&str],
    ) -> Option<T> {
        let found = choices.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let possible = words.join(", ");
            let (message, hint) = if later.contains(&text) {
                (
                    format!("`{text}` is not in this version"),
                    format!("possible: {possible}"),
                )
            } else {
                let hint = nearest(text, words.iter().copied()).map_or_else(
                    || format!("possible: {possible}"),
                    |word| format!("did you mean `{word}`?"),
                );
                (
                    format!("{} is not one of {possible}", self.written(text)),
                    hint,
                )
            };
            self.problem(reader, message, Some(hint));
        }
        found.map(|(_, choice)| *choice)
    }

    /// A secret: `${NAME}` with nothing around it, or `{file: PATH}`. What is written literally
    /// is neither accepted nor shown.
    pub(super) fn secret(&self, reader: &mut Reader<'_>) -> Option<SecretRef> {
        if let Value::Map(_) = self.node.value {
            let mut section = Section::open(reader, self)?;
            let file = section
                .required(reader, "file")
                .and_then(|f| f.file_path(reader));
            section.finish(reader);
            return file.map(SecretRef::File);
        }
        let variable = match &self.node.value {
            Value::Text(written) => sole_variable(written),
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::List
            | Value::Map(_) => None,
        };
        let Some(variable) = variable else {
            let hint = "export it as a variable and write `${NAME}`, with nothing around it, or \
                        write `{file: PATH}`";
            let message = "a secret is not written into this file";
            self.problem(reader, message, Some(hint.to_owned()));
            return None;
        };
        let message = match reader.variable(variable) {
            Some(value) if !value.is_empty() => return Some(SecretRef::Env(variable.to_owned())),
            Some(_) => format!("the environment variable `{variable}` is empty"),
            None => format!("the environment variable `{variable}` is not set"),
        };
        self.problem(reader, message, Some(format!("export {variable}=…")));
        None
    }
}

/// The beginning of `text`, in one line.
fn shown(text: &str) -> String {
    let mut start: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    format!("{start:?}")
}
