//! What each model can, from the vendor's pages.

use std::sync::OnceLock;

use serde::Deserialize;

/// The vendor's figures; its first lines say where they are from and of which day.
const FIGURES: &str = include_str!("../data/models.json");

/// How many tokens a model takes and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What it can read and write in all, in tokens.
    pub context: u32,
    /// The most that it writes in one answer, reasoning included, in tokens.
    pub output: u32,
}

/// The limits of a model; `None` for one that the data file does not know.
pub fn limits(model: &str) -> Option<Limits> {
    let Model {
        context, output, ..
    } = *known(model)?;
    Some(Limits { context, output })
}

/// Whether a model may be told this effort. One that is not known is taken to understand it.
pub(crate) fn takes_effort(model: &str, effort: &str) -> bool {
    known(model).is_none_or(|model| model.efforts.iter().any(|word| word == effort))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    name: String,
    context: u32,
    output: u32,
    efforts: Vec<String>,
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

/// The line of a model: the longest name that it begins with. Versions have a date or a word more.
fn known(model: &str) -> Option<&'static Model> {
    static MODELS: OnceLock<Vec<Model>> = OnceLock::new();
    let models = MODELS.get_or_init(|| {
        // A test reads the file; should it be broken nevertheless, every model is an unknown one.
        serde_json::from_str(FIGURES).map_or_else(|_| Vec::new(), |figures: Figures| figures.models)
    });
    let versions = models.iter().filter(|known| {
        let rest = model.strip_prefix(known.name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    versions.max_by_key(|known| known.name.len())
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
            assert!(model.output <= model.context, "{}", model.name);
        }
    }

    #[test]
    fn versions_have_the_limits_of_their_model() {
        let context = |model| limits(model).map(|limits| limits.context);
        assert_eq!(context("grok-4.3"), Some(1_000_000));
        assert_eq!(context("grok-4.3-latest"), Some(1_000_000));
        assert_eq!(context("grok-4-0709"), Some(256_000));
        assert_eq!(context("grok-4-fast-reasoning"), Some(2_000_000));
        assert_eq!(context("grok-4.20-0309-reasoning"), Some(1_000_000));
        assert_eq!(context("grok-4.30"), None);
        assert_eq!(context("gpt-5"), None);
    }

    #[test]
    fn only_efforts_that_a_model_knows_are_said() {
        assert!(takes_effort("grok-4.3", "none"));
        assert!(!takes_effort("grok-4.5", "none"));
        assert!(!takes_effort("grok-4.20-reasoning", "high"));
        assert!(takes_effort("grok-7", "high"));
    }
}
