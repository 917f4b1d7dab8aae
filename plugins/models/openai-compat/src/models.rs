//! What models can, from their vendors' pages.

use std::sync::LazyLock;

use rivetos_openai::limits::{Figures, Limits};

/// The vendors' figures; its first lines say where they are from and of which day.
const FILE: &str = include_str!("../data/models.json");

static FIGURES: LazyLock<Figures> = LazyLock::new(|| Figures::read(FILE));

/// The limits of a model; `None` for one that the data file does not know.
pub fn limits(model: &str) -> Option<Limits> {
    FIGURES.limits(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_can_be_read() {
        assert_eq!(FIGURES.date, "2026-11-29");
        let context = |model| limits(model).map(|limits| limits.context);
        assert_eq!(context("gpt-5.6-sol"), Some(1_050_000));
        assert_eq!(context("gpt-4o-mini-2024-07-18"), Some(128_000));
        assert_eq!(context("openai/gpt-5.2"), Some(400_000));
        assert_eq!(context("gpt-5.1-chat-latest"), Some(128_000));
        assert_eq!(context("gpt-5.4-2026-03-05"), Some(1_050_000));
        assert_eq!(context("deepseek-v4-pro"), Some(1_000_000));
        assert_eq!(context("qwen3"), None);
    }
}
