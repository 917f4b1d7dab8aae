//! What each model can, from the vendor's pages.

use std::sync::LazyLock;

use rivetos_openai::limits::{Figures, Limits};

/// The vendor's figures; its first lines say where they are from and of which day.
const FILE: &str = include_str!("../data/models.json");

static FIGURES: LazyLock<Figures> = LazyLock::new(|| Figures::read(FILE));

/// The limits of a model; `None` for one that the data file does not know.
pub fn limits(model: &str) -> Option<Limits> {
    FIGURES.limits(model)
}

/// Whether a model may be told this effort.
pub(crate) fn takes_effort(model: &str, effort: &str) -> bool {
    FIGURES.takes_effort(model, effort)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_can_be_read() {
        assert_eq!(FIGURES.date, "2026-11-22");
        let context = |model| limits(model).map(|limits| limits.context);
        assert_eq!(context("grok-4.3-latest"), Some(1_000_000));
        assert_eq!(context("grok-4-0709"), Some(256_000));
        assert_eq!(context("grok-4-fast-reasoning"), Some(2_000_000));
        assert_eq!(context("grok-4.20-0309-reasoning"), Some(1_000_000));
        assert_eq!(context("gpt-5"), None);
    }

    #[test]
    fn only_efforts_that_a_model_knows_are_said() {
        assert!(takes_effort("grok-4.3", "none"));
        assert!(!takes_effort("grok-4.5", "none"));
        assert!(!takes_effort("grok-4.20-reasoning", "high"));
    }
}
