//! What each model can, from the vendor's pages.

use std::sync::OnceLock;

use serde::Deserialize;

/// The vendor's figures; its first lines say where they are from and of which day.
const FIGURES: &str = include_str!("../data/models.json");

/// How much a model reads and writes, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest conversation.
    pub context_tokens: u64,
    /// The longest answer, thinking included.
    pub output_tokens: u64,
}

/// The limits of a model; `None` for one that the data file does not know.
pub fn limits(model: &str) -> Option<Limits> {
    known(model).map(Model::limits)
}

/// A line of the data file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    name: String,
    context: u64,
    output: u64,
    pub(crate) thinking: Style,
    pub(crate) sampling: Sampling,
    #[serde(default)]
    pub(crate) binding: Binding,
}

impl Model {
    fn limits(&self) -> Limits {
        Limits {
            context_tokens: self.context,
            output_tokens: self.output,
        }
    }
}

/// How a model is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Style {
    /// It does not think.
    None,
    /// With a number of tokens.
    Budget,
    /// With an effort; nothing said, it does not think.
    Adaptive,
    /// With an effort; it thinks unless told not to.
    AdaptiveByDefault,
    /// With an effort; it may be told to think only between tools.
    BetweenTools,
    /// With an effort; it always thinks.
    Always,
}

/// What a model takes about the choice of its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sampling {
    /// A temperature or a probability, not both.
    Either,
    /// Nothing.
    Fixed,
}

/// What the signature of a thinking block holds for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Binding {
    /// The block itself.
    #[default]
    Block,
    /// The block behind the very words that came before it.
    Conversation,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figures {
    #[expect(dead_code, reason = "said for the reader of the file")]
    source: String,
    #[expect(dead_code, reason = "said for the reader of the file")]
    date: String,
    models: Vec<Model>,
}

/// The line of a model, whose name may end in a date.
pub(crate) fn known(model: &str) -> Option<&'static Model> {
    static MODELS: OnceLock<Vec<Model>> = OnceLock::new();
    let models = MODELS.get_or_init(|| {
        // A test reads the file; should it be broken nevertheless, every model is an unknown one.
        serde_json::from_str(FIGURES).map_or_else(|_| Vec::new(), |figures: Figures| figures.models)
    });
    models.iter().find(|known| is_version(model, &known.name))
}

/// Whether `model` is `name`, or a version of it: a date, `latest`, or the `0` of a generation.
fn is_version(model: &str, name: &str) -> bool {
    let Some(version) = model.strip_prefix(name) else {
        return false;
    };
    let Some(version) = version.strip_prefix(['-', '@']) else {
        return version.is_empty();
    };
    let is_date = version.len() == 8 && version.bytes().all(|byte| byte.is_ascii_digit());
    is_date || matches!(version, "latest" | "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_can_be_read_and_names_no_model_twice() {
        let figures: Figures = serde_json::from_str(FIGURES).unwrap();
        let mut names: Vec<_> = figures.models.iter().map(|model| &model.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!((names.len(), count > 0), (count, true));
        for model in &figures.models {
            assert!(model.output < model.context, "{}", model.name);
        }
    }

    #[test]
    fn versions_have_the_limits_of_their_model() {
        let limits = |model| {
            super::limits(model).map(|limits| (limits.context_tokens, limits.output_tokens))
        };
        assert_eq!(limits("claude-sonnet-4-20250514"), Some((200_000, 64_000)));
        assert_eq!(limits("claude-opus-4-1@20250805"), Some((200_000, 32_000)));
        assert_eq!(limits("claude-opus-4-0"), Some((200_000, 32_000)));
        assert_eq!(limits("claude-opus-4-8"), Some((1_000_000, 128_000)));
        assert_eq!(limits("claude-opus-4-9"), None);
        assert_eq!(limits("claude-opus-4-80"), None);
        assert_eq!(limits("claude"), None);
    }
}
