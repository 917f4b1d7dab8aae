//! Old spellings of keys and values, rewritten in the text itself, so that comments and layout stay.
//! What this version does not know becomes a comment.

mod outdated;

use std::collections::BTreeMap;

use crate::node::{self, Node, Place, Value};
use crate::problem::Problems;
use crate::schema::is_key;
use crate::spelling::snake;

/// A file in today's spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Its text: the same lines, with some words replaced and some lines in comments.
    pub text: String,
    /// What was changed, in the order of the file.
    pub changes: Vec<Change>,
    /// What should be and was not, because it shares its lines with something else.
    pub left: Vec<Change>,
}

/// What becomes of one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Line, from 1.
    pub line: u64,
    /// The word that was there.
    pub from: String,
    /// What it is now.
    pub becomes: Becomes,
}

/// What a word of an older file becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Becomes {
    /// This word.
    Word(String),
    /// A comment, with all that is below it, for this reason.
    Comment(String),
}

/// Rewrites the spellings of older files, and comments out what only other versions know. Fails when `text`, in messages `file`, is not YAML.
pub fn migrate(text: &str, file: &str) -> Result<Migrated, Problems> {
    let read = |text: &str| node::tree(text).map_err(|broken| broken.within(file));
    let mut found = BTreeMap::new();
    look(&read(text)?, &mut Vec::new(), &mut found);
    let renamed = replace(text, &found);
    let commented = outdated::comment_out(&renamed.text, &read(&renamed.text)?);
    let mut changes = renamed.changes;
    changes.extend(commented.changes);
    changes.sort_by_key(|change| change.line);
    Ok(Migrated {
        text: commented.text,
        changes,
        left: commented.left,
    })
}

/// Words to be replaced, by where they stand. What an alias repeats is at one place.
type Words = BTreeMap<Place, (String, String)>;

fn look(node: &Node, path: &mut Vec<String>, found: &mut Words) {
    let entries = match &node.value {
        Value::Map(entries) => entries,
        Value::Text(text) => {
            if let Some(word) = word_of_today(path, text) {
                found.insert(node.at, (text.clone(), word.to_owned()));
            }
            return;
        }
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) => {
            return;
        }
    };
    for (key, below) in entries {
        let name = key_of_today(path, &key.name);
        let name = name.filter(|name| !entries.iter().any(|(other, _)| other.name == *name));
        if let Some(name) = &name {
            found.insert(key.at, (key.name.clone(), name.clone()));
        }
        path.push(name.unwrap_or_else(|| key.name.clone()));
        look(below, path, found);
        path.pop();
    }
}

/// The present name of the key `name` below `path`, when it is another one.
fn key_of_today(path: &[String], name: &str) -> Option<String> {
    let is_known = |name: &str| is_key(&[path, &[name.to_owned()]].concat());
    if is_known(name) {
        return None;
    }
    let canonical = snake(name);
    let renamed = match (path, canonical.as_str()) {
        ([section, _], "max_output_tokens") if section == "providers" => "max_tokens".to_owned(),
        (_, _) => canonical,
    };
    is_known(&renamed).then_some(renamed)
}

/// The present word for the value `text` of the key `path`, when it is another one.
fn word_of_today(path: &[String], text: &str) -> Option<&'static str> {
    match path {
        [section, _, key] if section == "providers" && key == "kind" => {
            (text == "llama-server").then_some("openai-compat")
        }
        _ => None,
    }
}

/// A text with its words replaced.
struct Renamed {
    text: String,
    changes: Vec<Change>,
}

fn replace(text: &str, words: &Words) -> Renamed {
    let mut migrated = String::with_capacity(text.len());
    let mut changes = Vec::new();
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let mut rest = line;
        let mut column = 1;
        let of_line = Place {
            line: number,
            column: 0,
        }..Place {
            line: number + 1,
            column: 0,
        };
        for (place, (from, to)) in words.range(of_line) {
            let skipped =
                usize::try_from(place.column.saturating_sub(column)).unwrap_or(usize::MAX);
            let at = rest
                .char_indices()
                .nth(skipped)
                .map_or(rest.len(), |(at, _)| at);
            let (before, after) = rest.split_at(at);
            let quote = &after[..after.len() - after.trim_start_matches(['"', '\'']).len()];
            let Some(after) = after[quote.len()..].strip_prefix(from.as_str()) else {
                // Written with escapes, or over several lines.
                continue;
            };
            migrated.extend([before, quote, to]);
            column = place.column + chars(quote) + chars(from);
            rest = after;
            changes.push(Change {
                line: number,
                from: from.clone(),
                becomes: Becomes::Word(to.clone()),
            });
        }
        migrated.push_str(rest);
    }
    Renamed {
        text: migrated,
        changes,
    }
}

fn chars(text: &str) -> u64 {
    text.chars().map(|_| 1).sum()
}
