//! Which models may answer, and in which order they are asked.

use std::sync::{Arc, Mutex};

use rivetos_core::fallback::{Choice, FallbackChain};
use rivetos_types::model::ModelProvider;
use rivetos_types::store::SessionSettings;
use rivetos_types::time::Timestamp;

use super::state::lock;

/// A provider that the agent may ask.
pub struct Source {
    /// What is asked.
    pub provider: Arc<dyn ModelProvider>,
    /// Its own model: the one that is asked unless somebody names another.
    pub model: String,
    /// How much a model of this name reads at once, answer included, in tokens.
    pub window_tokens: Box<dyn Fn(&str) -> u64 + Send + Sync>,
}

/// The models of an agent: its own first, then those that answer when it cannot.
pub struct Models {
    sources: Vec<Source>,
    /// Never empty; only providers of `sources`.
    choices: Vec<Choice>,
    chain: Mutex<FallbackChain>,
}

/// What is asked for one request.
pub(super) struct Asked<'a> {
    pub(super) provider: &'a dyn ModelProvider,
    /// For [`rivetos_types::model::ModelRequest::model`].
    pub(super) model: Option<String>,
}

impl Models {
    /// `own` answers; when it cannot, the first of `fallbacks` that can, each the model of a
    /// provider of `own` or `others`. Others are left out.
    pub fn new(own: Source, others: Vec<Source>, fallbacks: Vec<Choice>) -> Self {
        let first = Choice {
            provider: own.provider.name().to_owned(),
            model: own.model.clone(),
        };
        let sources: Vec<Source> = std::iter::once(own).chain(others).collect();
        let mut choices = vec![first];
        for choice in fallbacks {
            let known = sources
                .iter()
                .any(|one| one.provider.name() == choice.provider);
            if known && !choices.contains(&choice) {
                choices.push(choice);
            }
        }
        Self {
            sources,
            choices,
            chain: Mutex::default(),
        }
    }

    /// The models to ask for a session, in this order; never none. What the session chose is
    /// first, and forgotten when its provider is no longer there.
    pub(super) fn of_session(&self, settings: &SessionSettings) -> Vec<Choice> {
        let chosen = self.chosen(settings);
        let rest = self
            .choices
            .iter()
            .filter(|choice| Some(*choice) != chosen.as_ref());
        chosen.iter().chain(rest).cloned().collect()
    }

    fn chosen(&self, settings: &SessionSettings) -> Option<Choice> {
        let SessionSettings {
            provider, model, ..
        } = settings;
        if provider.is_none() && model.is_none() {
            return None;
        }
        let own = self.choices.first()?;
        let provider = provider.as_ref().unwrap_or(&own.provider);
        let source = self.source(provider)?;
        Some(Choice {
            provider: provider.clone(),
            model: model.clone().unwrap_or_else(|| source.model.clone()),
        })
    }

    /// The agent's own model.
    pub(super) fn own(&self) -> Option<&Choice> {
        self.choices.first()
    }

    /// Each provider with its own model, the agent's first.
    pub(super) fn providers(&self) -> impl Iterator<Item = (&str, &str)> {
        let sources = self.sources.iter();
        sources.map(|source| (source.provider.name(), source.model.as_str()))
    }

    /// How much `choice` reads at once, in tokens; 0 for a provider that is not there.
    pub(super) fn window_tokens(&self, choice: &Choice) -> u64 {
        let source = self.source(&choice.provider);
        source.map_or(0, |source| (source.window_tokens)(&choice.model))
    }

    pub(super) fn asked(&self, choice: &Choice) -> Option<Asked<'_>> {
        let source = self.source(&choice.provider)?;
        Some(Asked {
            provider: source.provider.as_ref(),
            // A provider may know better what its own model is called.
            model: (choice.model != source.model).then(|| choice.model.clone()),
        })
    }

    fn source(&self, provider: &str) -> Option<&Source> {
        let mut sources = self.sources.iter();
        sources.find(|source| source.provider.name() == provider)
    }

    /// As [`FallbackChain::next`].
    pub(super) fn next(&self, choices: &[Choice], from: usize, now: Timestamp) -> Option<usize> {
        lock(&self.chain).next(choices, from, now)
    }

    /// As [`FallbackChain::has_other`].
    pub(super) fn has_other(&self, choices: &[Choice], place: usize, now: Timestamp) -> bool {
        lock(&self.chain).has_other(choices, place, now)
    }

    pub(super) fn succeeded(&self, provider: &str) {
        lock(&self.chain).succeeded(provider);
    }

    pub(super) fn failed(&self, provider: &str, now: Timestamp, retry_after_ms: Option<u64>) {
        lock(&self.chain).failed(provider, now, retry_after_ms);
    }
}
