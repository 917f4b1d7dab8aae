//! What model requests cost.

use serde::{Deserialize, Serialize};

use crate::message::TokenUsage;

/// The cost of one or more requests to one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expense {
    /// `provider/model`.
    pub model: String,
    /// The tokens.
    pub usage: TokenUsage,
    /// What they cost by the price table, in millionths of a US dollar; 0 for a model without a
    /// price.
    pub micro_usd: u64,
}

/// What was spent since some point in time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spent {
    /// By model, in the order of their names.
    pub by_model: Vec<Expense>,
}

impl Spent {
    /// All of it, in millionths of a US dollar; saturates.
    pub fn micro_usd(&self) -> u64 {
        self.by_model
            .iter()
            .fold(0, |sum, expense| sum.saturating_add(expense.micro_usd))
    }
}
