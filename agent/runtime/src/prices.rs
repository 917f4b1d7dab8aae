//! What model requests cost.

use std::collections::BTreeMap;

use rivetos_types::message::TokenUsage;
use rivetos_types::store::Expense;
use serde::Deserialize;

/// Prices by `provider/model` or by model alone, in US dollars per million tokens, which is the
/// same as millionths of a US dollar per token.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Prices(BTreeMap<String, Price>);

/// The price of one model.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    input: f64,
    output: f64,
    #[serde(default)]
    cache_read: Option<f64>,
    #[serde(default)]
    cache_write: Option<f64>,
}

/// The table that comes with the program.
const TABLE: &str = include_str!("prices.json");

impl Prices {
    /// The table that comes with the program.
    ///
    /// # Errors
    /// Never in a program that was tested: the table is part of it.
    pub fn built_in() -> Result<Self, serde_json::Error> {
        serde_json::from_str(TABLE)
    }

    /// What a request to `model`, which is `provider/model`, cost. A model without a price costs
    /// nothing: local ones do not.
    pub(crate) fn expense(&self, model: &str, usage: TokenUsage) -> Expense {
        Expense {
            model: model.to_owned(),
            usage,
            micro_usd: self.price(model).map_or(0, |price| price.of(usage)),
        }
    }

    fn price(&self, model: &str) -> Option<&Price> {
        let alone = model.split_once('/').map_or(model, |(_, alone)| alone);
        self.0.get(model).or_else(|| self.0.get(alone))
    }
}

impl Price {
    fn of(&self, usage: TokenUsage) -> u64 {
        let plain = usage
            .input
            .saturating_sub(usage.cache_read)
            .saturating_sub(usage.cache_write);
        let parts = [
            (plain, self.input),
            (usage.cache_read, self.cache_read.unwrap_or(self.input)),
            (usage.cache_write, self.cache_write.unwrap_or(self.input)),
            (usage.output, self.output),
        ];
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a request has far fewer than 2^52 tokens, and prices are not negative"
        )]
        let sum = parts
            .iter()
            .map(|(tokens, price)| *tokens as f64 * price)
            .sum::<f64>()
            .ceil() as u64;
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_have_their_own_price() {
        let prices: Prices = serde_json::from_str(
            r#"{"big": {"input": 5, "output": 25, "cache_read": 0.5, "cache_write": 6.25}}"#,
        )
        .unwrap();
        let usage = TokenUsage {
            input: 1000,
            output: 10,
            cache_read: 600,
            cache_write: 300,
            reasoning: 40,
        };
        let expense = prices.expense("vendor/big", usage);
        assert_eq!(expense.micro_usd, 100 * 5 + 10 * 25 + 300 + 1875);
        assert_eq!(prices.expense("local/other", usage).micro_usd, 0);
    }

    #[test]
    fn the_built_in_table_can_be_read_and_no_price_is_negative() {
        let Prices(table) = Prices::built_in().unwrap();
        assert!(!table.is_empty());
        for (model, price) in table {
            assert!(price.input >= 0.0 && price.output >= price.input, "{model}");
        }
    }
}
