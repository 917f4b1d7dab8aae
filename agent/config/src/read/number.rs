//! Numbers and truth values.

use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::environment::has_variables;
use crate::node::Value;

use super::field::{Field, shown};
use super::reader::Reader;

impl Field<'_> {
    /// A whole number.
    pub(super) fn integer<T: TryFrom<i128>>(
        &self,
        reader: &mut Reader<'_>,
        range: RangeInclusive<i128>,
    ) -> Option<T> {
        let value = match &self.node.value {
            Value::Integer(value) => *value,
            Value::Text(written) => self.number_in_text(reader, written, "a whole number")?,
            Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
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
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => {
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
            | Value::List(_)
            | Value::Map(_) => {}
        }
        let quoted =
            matches!(&self.node.value, Value::Text(text) if text == "true" || text == "false");
        let hint = quoted.then(|| "write it without quotes".to_owned());
        self.wrong_type(reader, "true or false", hint);
        None
    }
}
