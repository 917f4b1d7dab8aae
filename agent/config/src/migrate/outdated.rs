//! Keys that only other versions know, commented out in the text itself.

use crate::node::{self, Node, Value};
use crate::read::fate_elsewhere;

use super::{Becomes, Change, key_of_today};

/// What commenting out leads to.
pub(super) struct Commented {
    pub(super) text: String,
    pub(super) changes: Vec<Change>,
    /// Keys that share their lines with others.
    pub(super) left: Vec<Change>,
}

/// A key that says nothing to this version.
struct Outdated {
    line: u64,
    /// From 1, in characters.
    column: u64,
    name: String,
    why: String,
    /// Which entry of which entry it is, from the root on.
    trail: Vec<usize>,
}

/// Comments out whatever the map `root`, which is `text`, has for other versions. The lines stay the
/// same ones, and everything else means what it meant.
pub(super) fn comment_out(text: &str, root: &Node) -> Commented {
    let mut outdated = Vec::new();
    gather(root, (&mut Vec::new(), &mut Vec::new()), &mut outdated);
    let mut commented = Commented {
        text: text.to_owned(),
        changes: Vec::new(),
        left: Vec::new(),
    };
    // From the end on, so that the trails of the others stay right.
    for key in outdated.iter().rev() {
        let change = Change {
            line: key.line,
            from: key.name.clone(),
            becomes: Becomes::Comment(key.why.clone()),
        };
        match without(&commented.text, key) {
            Some(text) => {
                commented.text = text;
                commented.changes.push(change);
            }
            None => commented.left.push(change),
        }
    }
    commented.changes.reverse();
    commented.left.reverse();
    commented
}

/// Collects the keys below `node`. Returns whether every one of its entries is among them.
fn gather(
    node: &Node,
    (path, trail): (&mut Vec<String>, &mut Vec<usize>),
    found: &mut Vec<Outdated>,
) -> bool {
    let Value::Map(entries) = &node.value else {
        return false;
    };
    let mut all = !entries.is_empty();
    for (index, (key, below)) in entries.iter().enumerate() {
        path.push(key.name.clone());
        trail.push(index);
        let before = found.len();
        let advice = fate_elsewhere(&path.join("."))
            .or_else(|| twin(&path[..path.len() - 1], &key.name, entries));
        let why = match advice {
            Some(advice) => Some(advice),
            None if gather(below, (path, trail), found) && !is_named(path) => {
                found.truncate(before);
                Some("this version knows nothing below it".to_owned())
            }
            None => None,
        };
        all &= why.is_some();
        if let Some(why) = why {
            found.push(Outdated {
                line: key.at.line,
                column: key.at.column,
                name: key.name.clone(),
                why,
                trail: trail.clone(),
            });
        }
        trail.pop();
        path.pop();
    }
    all
}

/// Whether the file chose the last name of `path`: an agent or a provider is there for its name too.
fn is_named(path: &[String]) -> bool {
    matches!(path, [section, _] if section == "agents" || section == "providers")
}

/// Says that the present spelling of the key `name` is there beside it.
fn twin(above: &[String], name: &str, entries: &[(node::Key, Node)]) -> Option<String> {
    let today = key_of_today(above, name)?;
    let there = entries.iter().any(|(other, _)| other.name == today);
    there.then(|| format!("`{today}` is there too, and counts"))
}

/// `text` with the key in comments; `None` when that would change anything else.
fn without(text: &str, key: &Outdated) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first = usize::try_from(key.line).ok()?.checked_sub(1)?;
    let indent = usize::try_from(key.column).ok()?.checked_sub(1)?;
    let begins = lines.get(first)?;
    if indent_of(begins) != indent {
        return None;
    }
    let below = lines[first + 1..].iter();
    let mut last = first;
    for (at, line) in (first + 1..).zip(below) {
        let rest = line.trim();
        if rest.is_empty() || rest.starts_with('#') {
            continue;
        }
        let item = rest == "-" || rest.starts_with("- ");
        if indent_of(line) < indent || (indent_of(line) == indent && !item) {
            break;
        }
        last = at;
    }
    let mut made = lines[..first].concat();
    for (at, line) in (first..).zip(&lines[first..=last]) {
        let (content, end) = line.split_at(line.trim_end_matches(['\r', '\n']).len());
        if content.trim().is_empty() {
            made.push_str(line);
            continue;
        }
        let (blank, content) = content.split_at(indent.min(indent_of(content)));
        made.extend([blank, "# ", content]);
        if at == first {
            made.extend(["  # ", key.why.as_str()]);
        }
        made.push_str(end);
    }
    made.push_str(&lines[last + 1..].concat());
    let mut meant = node::tree(text).ok()?;
    take(&mut meant, &key.trail)?;
    means_the_same(&node::tree(&made).ok()?, &meant).then_some(made)
}

/// Takes the entry at `trail` out of the tree.
fn take(node: &mut Node, trail: &[usize]) -> Option<()> {
    let Value::Map(entries) = &mut node.value else {
        return None;
    };
    let (index, rest) = trail.split_first()?;
    if rest.is_empty() {
        (*index < entries.len()).then(|| drop(entries.remove(*index)))
    } else {
        take(&mut entries.get_mut(*index)?.1, rest)
    }
}

/// Whether two trees hold the same, wherever it stands.
fn means_the_same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Map(entries), Value::Map(others)) => {
            let mut pairs = entries.iter().zip(others);
            entries.len() == others.len()
                && pairs.all(|((key, below), (other, there))| {
                    key.name == other.name && means_the_same(below, there)
                })
        }
        (Value::List(nodes), Value::List(others)) => {
            let mut pairs = nodes.iter().zip(others);
            nodes.len() == others.len() && pairs.all(|(one, other)| means_the_same(one, other))
        }
        (Value::Null, Value::Null) => true,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Integer(one), Value::Integer(other)) => one == other,
        (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits(),
        (Value::Text(one), Value::Text(other)) => one == other,
        (
            Value::Map(_)
            | Value::List(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Text(_),
            _,
        ) => false,
    }
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}
