//! What a session has beside its turns.

use serde::{Deserialize, Serialize};

use crate::message::Message;

/// What a person set for a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionSettings {
    /// How much the model is to think; absent: as the agent is configured.
    pub thinking: Option<Thinking>,
    /// Whether the model's reasoning is shown.
    pub reasoning: Visibility,
    /// Whether tool calls are shown.
    pub tools: Visibility,
    /// One of the agent's providers; absent: the one that it is configured with.
    pub provider: Option<String>,
    /// A model of that provider; absent: the one that it is configured with.
    pub model: Option<String>,
    /// Files of the workspace that stand in the prompt, by their paths in it.
    pub pins: Vec<String>,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            thinking: None,
            reasoning: Visibility::Hidden,
            tools: Visibility::Shown,
            provider: None,
            model: None,
            pins: Vec::new(),
        }
    }
}

/// How much a model thinks before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words are those of the configuration")]
pub enum Thinking {
    Off,
    Low,
    Medium,
    High,
}

/// Whether something is shown to the person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words are the documentation")]
pub enum Visibility {
    #[default]
    Shown,
    Hidden,
}

impl Visibility {
    /// The other one.
    #[must_use]
    pub fn toggled(self) -> Self {
        match self {
            Self::Shown => Self::Hidden,
            Self::Hidden => Self::Shown,
        }
    }
}

/// What a session goes on with after a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resumed {
    /// What was compacted of the conversation since its last reset.
    pub summary: Option<String>,
    /// What follows the summary, oldest first; starts with a message of the person.
    pub messages: Vec<Message>,
    /// What the person set.
    pub settings: SessionSettings,
}
