//! What models can, by the data file of their plugin.

use serde::Deserialize;

/// How many tokens a model takes and gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What it can read and write in all, in tokens.
    pub context: u32,
    /// The most that it writes in one answer, reasoning included, in tokens.
    pub output: u32,
}

/// The models of a data file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Where the figures are from.
    pub source: String,
    /// Of which day.
    pub date: String,
    models: Vec<Model>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    name: String,
    context: u32,
    output: u32,
    /// The words for effort that it takes; absent: all.
    efforts: Option<Vec<String>>,
}

impl Figures {
    /// The models of a data file. One that is broken names none, so every model is an unknown
    /// one; the plugin's test reads it.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The limits of a model; `None` for one that the file does not know.
    pub fn limits(&self, model: &str) -> Option<Limits> {
        let Model {
            context, output, ..
        } = *self.known(model)?;
        Some(Limits { context, output })
    }

    /// Whether a model may be told this effort. One that is not known is taken to understand it.
    pub fn takes_effort(&self, model: &str, effort: &str) -> bool {
        let efforts = self.known(model).and_then(|model| model.efforts.as_ref());
        efforts.is_none_or(|efforts| efforts.iter().any(|word| word == effort))
    }

    /// The longest name that a model's begins with. Versions have a date or a word more, and
    /// endpoints that serve many vendors put the vendor in front.
    fn known(&self, model: &str) -> Option<&Model> {
        let model = model.rsplit('/').next()?;
        let versions = self.models.iter().filter(|known| {
            let rest = model.strip_prefix(known.name.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ':']))
        });
        versions.max_by_key(|known| known.name.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_the_limits_of_their_model() {
        let figures = Figures::read(
            r#"{ "source": "s", "date": "d", "models": [
                { "name": "m-4", "context": 9, "output": 4, "efforts": ["low"] },
                { "name": "m-4-mini", "context": 5, "output": 2, "efforts": [] },
                { "name": "m-5", "context": 7, "output": 7 }
            ] }"#,
        );
        let context = |model| figures.limits(model).map(|limits| limits.context);
        assert_eq!(context("m-4"), Some(9));
        assert_eq!(context("m-4-2026-01-01"), Some(9));
        assert_eq!(context("m-4-mini"), Some(5));
        assert_eq!(context("vendor/m-4-mini:free"), Some(5));
        assert_eq!(context("m-40"), None);
        assert!(figures.takes_effort("m-4", "low"));
        assert!(!figures.takes_effort("m-4", "high"));
        assert!(!figures.takes_effort("m-4-mini", "low"));
        assert!(figures.takes_effort("m-5", "high"));
        assert!(figures.takes_effort("m-6", "high"));
    }
}
