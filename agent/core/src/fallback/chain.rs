//! A list of models, the first of which that can answer does.

use std::collections::BTreeMap;
use std::fmt;

use rivetos_types::time::Timestamp;

use super::CircuitBreaker;

/// A model of a provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Choice {
    /// The name in the `providers:` section.
    pub provider: String,
    /// The name that the provider is asked by.
    pub model: String,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// Which providers can answer just now. One for all sessions of an agent.
#[derive(Debug, Clone, Default)]
pub struct FallbackChain {
    /// As many as there are providers.
    breakers: BTreeMap<String, CircuitBreaker>,
}

impl FallbackChain {
    /// The place in `choices` of the next one to ask at `now`, of those from `from` on. When all
    /// providers are left alone, the first choice is asked nevertheless: a refusal without having
    /// asked helps nobody. `None` only when there is none from `from` on, or when another one was
    /// asked before (`from` is not 0) and the rest is left alone.
    pub fn next(&mut self, choices: &[Choice], from: usize, now: Timestamp) -> Option<usize> {
        let mut left = choices.iter().enumerate().skip(from);
        let admitted = left.find(|(_, choice)| {
            let breaker = self.breakers.entry(choice.provider.clone()).or_default();
            breaker.admits(now)
        });
        match admitted {
            Some((place, _)) => Some(place),
            None if from == 0 && !choices.is_empty() => Some(0),
            None => None,
        }
    }

    /// Whether another provider than that of the choice at `place` can be asked behind it: when
    /// that one fails, all of its models do.
    pub fn has_other(&self, choices: &[Choice], place: usize, now: Timestamp) -> bool {
        let asked = choices.get(place).map(|choice| &choice.provider);
        let mut left = choices.iter().skip(place + 1);
        left.any(|choice| {
            let breaker = self.breakers.get(&choice.provider);
            Some(&choice.provider) != asked && breaker.is_none_or(|breaker| !breaker.is_open(now))
        })
    }

    /// `provider` answered.
    pub fn succeeded(&mut self, provider: &str) {
        if let Some(breaker) = self.breakers.get_mut(provider) {
            breaker.succeeded();
        }
    }

    /// `provider` failed and is not tried again for this request.
    pub fn failed(&mut self, provider: &str, now: Timestamp, retry_after_ms: Option<u64>) {
        let breaker = self.breakers.entry(provider.to_owned()).or_default();
        breaker.failed(now, retry_after_ms);
    }
}
