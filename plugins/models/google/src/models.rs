//! What each model can.

use std::sync::LazyLock;

use rivetos_types::store::Thinking;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Source and date of the figures stand in the file.
const DATA: &str = include_str!("../data/models.json");

/// A file that cannot be read would know no model; a test reads it.
static MODELS: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let file: Result<File, _> = serde_json::from_str(DATA);
    file.map(|file| file.models).unwrap_or_default()
});

#[derive(Debug, Deserialize)]
struct File {
    models: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    name: String,
    input: u64,
    output: u64,
    thinking: Control,
}

/// How a model is told how much to think.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Control {
    None,
    Budget(Budget),
    /// From the least to the most.
    Levels(Vec<Level>),
}

/// In tokens.
#[derive(Debug, Deserialize)]
struct Budget {
    /// The least that the model takes.
    off: u32,
    min: u32,
    max: u32,
    unasked: Unasked,
}

/// What a model does that is told nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Unasked {
    Thinks,
    Answers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Minimal,
    Low,
    Medium,
    High,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// How much a model reads and writes, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest conversation.
    pub context_tokens: u64,
    /// The longest answer, thoughts included.
    pub output_tokens: u64,
}

/// What `model` can, as far as it is known.
pub fn limits(model: &str) -> Option<Limits> {
    find(model).map(|entry| Limits {
        context_tokens: entry.input,
        output_tokens: entry.output,
    })
}

/// Whether the model refuses calls of the present turn that carry no signature.
pub(crate) fn wants_signatures(model: &str) -> bool {
    is_since_3(model)
}

/// Whether the model takes our tools and the vendor's own in one request.
pub(crate) fn takes_both_tools(model: &str) -> bool {
    is_since_3(model)
}

/// The third family brought levels of thinking, and stricter rules.
fn is_since_3(model: &str) -> bool {
    find(model).is_some_and(|entry| matches!(entry.thinking, Control::Levels(_)))
}

/// The `thinkingConfig` for a model, where there is something to say.
///
/// Thoughts are asked for wherever the model has some: who thinks for a minute without a word
/// seems to be gone.
pub(crate) fn thinking_config(model: &str, thinking: Option<Thinking>) -> Option<Value> {
    let entry = find(model)?;
    let mut config = Map::new();
    let shows = match (&entry.thinking, thinking) {
        (Control::None, _) => return None,
        (Control::Budget(budget), None) => budget.unasked == Unasked::Thinks,
        (Control::Levels(_), None) => true,
        (Control::Budget(budget), Some(thinking)) => {
            config.insert("thinkingBudget".into(), json!(budget.tokens(thinking)));
            thinking != Thinking::Off
        }
        (Control::Levels(levels), Some(thinking)) => {
            let level = level(levels, thinking)?;
            config.insert("thinkingLevel".into(), json!(level.name()));
            thinking != Thinking::Off
        }
    };
    if shows {
        config.insert("includeThoughts".into(), json!(true));
    }
    (!config.is_empty()).then(|| config.into())
}

impl Budget {
    fn tokens(&self, thinking: Thinking) -> u32 {
        let wanted = match thinking {
            Thinking::Off => return self.off,
            Thinking::Low => 1024,
            Thinking::Medium => 8192,
            Thinking::High => 32768,
        };
        wanted.clamp(self.min, self.max)
    }
}

/// The level that was asked for, or the next above it that the model knows.
fn level(levels: &[Level], thinking: Thinking) -> Option<Level> {
    let wanted = match thinking {
        Thinking::Off => Level::Minimal,
        Thinking::Low => Level::Low,
        Thinking::Medium => Level::Medium,
        Thinking::High => Level::High,
    };
    let known = levels.iter().copied().find(|level| *level >= wanted);
    known.or_else(|| levels.last().copied())
}

/// Versions of a model carry dates and words behind its name: the longest name that fits is it.
fn find(model: &str) -> Option<&'static Entry> {
    let model = bare(model);
    let fits = |entry: &&Entry| {
        let rest = model.strip_prefix(entry.name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
    };
    MODELS
        .iter()
        .filter(fits)
        .max_by_key(|entry| entry.name.len())
}

/// A model without the collection that the vendor puts in front.
pub(crate) fn bare(model: &str) -> &str {
    model.strip_prefix("models/").unwrap_or(model)
}

#[cfg(test)]
mod tests;
