//! One value of the file is replaced in the text itself, so that comments and layout stay.

use crate::node::{self, Node, Place, Value};
use crate::problem::Problems;
use crate::write::quoted;

/// Why the text stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It is not YAML.
    #[error("it is not YAML")]
    Broken(Problems),
    /// There is no such value.
    #[error("`{0}` is not in the file")]
    Absent(String),
    /// The value is written in a way that cannot be replaced without touching something else.
    #[error("line {line}: the value of `{path}` cannot be replaced by itself")]
    Entangled {
        /// Which one.
        path: String,
        /// Where it is, from 1.
        line: u64,
    },
}

/// `text`, in messages `file`, with `model` as the model of the provider of that name. Every other
/// byte stays.
///
/// # Errors
/// There is nothing to replace, or something else would change with it.
pub fn with_model(
    text: &str,
    file: &str,
    provider: &str,
    model: &str,
) -> Result<String, EditError> {
    let tree = node::tree(text).map_err(|broken| EditError::Broken(broken.within(file)))?;
    let path = ["providers", provider, "model"];
    let name = path.join(".");
    let Some(value) = find(&tree, &path) else {
        return Err(EditError::Absent(name));
    };
    let entangled = || EditError::Entangled {
        path: name.clone(),
        line: value.at.line,
    };
    let start = offset(text, value.at).ok_or_else(entangled)?;
    let written = [model.to_owned(), quoted(&crate::environment::escape(model))];
    let mut tries = ends(text, start)
        .into_iter()
        .flat_map(|end| written.iter().map(move |new| (end, new)));
    let replaced = tries.find_map(|(end, new)| {
        let edited = format!("{}{new}{}", text.get(..start)?, text.get(end..)?);
        // Whether it was the whole value and nothing but it is seen by reading it again.
        let read = node::tree(&edited).ok()?;
        let wanted = crate::environment::escape(model);
        differs_in(&tree, &read, &path, &wanted).then_some(edited)
    });
    replaced.ok_or_else(entangled)
}

fn find<'t>(node: &'t Node, path: &[&str]) -> Option<&'t Node> {
    let Some((first, rest)) = path.split_first() else {
        return Some(node);
    };
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let (_, below) = entries.iter().find(|(key, _)| key.name == *first)?;
    find(below, rest)
}

/// The byte at `place`.
fn offset(text: &str, place: Place) -> Option<usize> {
    let line = usize::try_from(place.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..)?;
    let (offset, _) = rest.char_indices().nth(column)?;
    Some(start + offset)
}

/// Where a scalar that starts at `start` may end. Which of them is right depends on what is around
/// it.
fn ends(text: &str, start: usize) -> Vec<usize> {
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let from_start = |length: usize| start + length;
    match rest.chars().next() {
        Some('"') => closing(rest, '\\').map(from_start).into_iter().collect(),
        Some('\'') => closing(rest, '\'').map(from_start).into_iter().collect(),
        _ => {
            let without_comment = line.find(" #").map_or(line, |at| &line[..at]);
            let block = without_comment.trim_end().len();
            let flow = without_comment.find([',', '}', ']']);
            let flow = flow.map(|at| without_comment[..at].trim_end().len());
            flow.into_iter().chain([block]).map(from_start).collect()
        }
    }
}

/// The length of the quoted text at the start of `rest`; `escape` makes what follows it no end.
fn closing(rest: &str, escape: char) -> Option<usize> {
    let quote = rest.chars().next()?;
    let mut inside = rest.char_indices().skip(1).peekable();
    while let Some((at, letter)) = inside.next() {
        let doubled = letter == escape && escape == quote;
        match inside.peek() {
            Some((_, next)) if doubled && *next == quote => drop(inside.next()),
            Some(_) if letter == escape && !doubled => drop(inside.next()),
            Some(_) | None if letter == quote => return Some(at + letter.len_utf8()),
            Some(_) | None => {}
        }
    }
    None
}

/// Whether both trees are equal but for the value at `path`, which is the text `wanted` in `new`.
fn differs_in(old: &Node, new: &Node, path: &[&str], wanted: &str) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return matches!(&new.value, Value::Text(text) if text == wanted);
    };
    let (Value::Map(old), Value::Map(new)) = (&old.value, &new.value) else {
        return false;
    };
    let mut seen = false;
    old.len() == new.len()
        && old.iter().zip(new).all(|((key, old), (new_key, new))| {
            let is_it = key.name == *first && !seen;
            seen |= is_it;
            let same = if is_it {
                differs_in(old, new, rest, wanted)
            } else {
                same(old, new)
            };
            key.name == new_key.name && same
        })
}

/// Whether both say the same, wherever it stands.
fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Integer(one), Value::Integer(other)) => one == other,
        (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
        (Value::Text(one), Value::Text(other)) => one == other,
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Map(one), Value::Map(other)) => {
            let pairs = one.iter().zip(other);
            one.len() == other.len()
                && pairs.into_iter().all(|((key, one), (other_key, other))| {
                    key.name == other_key.name && same(one, other)
                })
        }
        (
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_),
            _,
        ) => false,
    }
}
