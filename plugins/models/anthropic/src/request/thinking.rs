//! How much the model is told to think.

use rivetos_types::store::Thinking;
use serde_json::{Value, json};

use super::{Replay, binding, style};
use crate::models::{self, Binding, Style};

/// The least that a budget may be, in tokens.
const BUDGET_TOKENS_MIN: u64 = 1024;

/// What a request says about thinking.
pub(super) struct Plan {
    pub(super) thinking: Option<Value>,
    pub(super) effort: Option<&'static str>,
    /// Of the whole answer, thinking included.
    pub(super) max_tokens: u64,
    /// A model that does not think is not shown what it thought.
    pub(super) replay: Replay,
}

impl Plan {
    /// A plan for a conversation of which so much may be replayed; a budget needs to see the
    /// thinking that led to the last calls.
    pub(super) fn new(
        model: &str,
        wanted: Option<Thinking>,
        answer_tokens: u32,
        replay: Replay,
    ) -> Self {
        let limit = models::limits(model).map_or(u64::MAX, |limits| limits.output_tokens);
        let mut max_tokens = u64::from(answer_tokens).min(limit);
        let (thinking, effort) = match style(model) {
            Style::None => (None, None),
            Style::Budget => {
                let tokens = wanted.and_then(budget);
                let tokens = tokens.filter(|_| replay == Replay::Thinking);
                let tokens = tokens.and_then(|tokens| fit(tokens, &mut max_tokens, limit));
                let enabled = |tokens| json!({ "type": "enabled", "budget_tokens": tokens });
                (tokens.map(enabled), None)
            }
            Style::Adaptive => match wanted {
                None | Some(Thinking::Off) => (None, None),
                Some(wanted) => (Some(adaptive(model)), effort(wanted)),
            },
            Style::AdaptiveByDefault => match wanted {
                Some(Thinking::Off) => (Some(json!({ "type": "disabled" })), None),
                wanted => (Some(adaptive(model)), wanted.and_then(effort)),
            },
            Style::BetweenTools => match wanted {
                Some(Thinking::Off) => (Some(json!({ "type": "between_tools" })), None),
                wanted => (Some(adaptive(model)), wanted.and_then(effort)),
            },
            Style::Always => {
                let least = |wanted| effort(wanted).or(Some("low"));
                (Some(adaptive(model)), wanted.and_then(least))
            }
        };
        let thinks = thinking.as_ref().is_some_and(|it| it["type"] != "disabled");
        Self {
            thinking,
            effort,
            max_tokens,
            replay: if thinks { replay } else { Replay::NoThinking },
        }
    }
}

/// The newer models do not show their thinking unless they are asked to.
fn adaptive(model: &str) -> Value {
    let mut thinking = json!({ "type": "adaptive", "display": "summarized" });
    if binding(model) == Binding::Conversation {
        thinking["block_binding"] = json!({ "prefix_mismatch_behavior": "drop_block" });
    }
    thinking
}

fn effort(thinking: Thinking) -> Option<&'static str> {
    match thinking {
        Thinking::Off => None,
        Thinking::Low => Some("low"),
        Thinking::Medium => Some("medium"),
        Thinking::High => Some("high"),
    }
}

fn budget(thinking: Thinking) -> Option<u64> {
    match thinking {
        Thinking::Off => None,
        Thinking::Low => Some(2000),
        Thinking::Medium => Some(10_000),
        Thinking::High => Some(50_000),
    }
}

/// Makes room for a budget beside the answer. Where the model cannot write that much, the answer
/// keeps half of what it can; `None` when too little is left to think.
fn fit(tokens: u64, max_tokens: &mut u64, limit: u64) -> Option<u64> {
    let answer = *max_tokens;
    let whole = answer.saturating_add(tokens).min(limit);
    let tokens = tokens.min(whole - answer.min(whole / 2));
    (tokens >= BUDGET_TOKENS_MIN).then(|| {
        *max_tokens = whole;
        tokens
    })
}
