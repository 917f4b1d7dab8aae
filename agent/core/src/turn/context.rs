//! How much of the model's context window is used, and what is done about it.
//!
//! Tokens are counted by the vendor after a request and estimated before it: what the vendor
//! counted for the last request, and the bytes that came since.

use std::sync::Arc;

use rivetos_types::media::Attachment;
use rivetos_types::message::{Message, TokenUsage};

use super::attachments::{shown, tokens_of_all};
use super::conversation::bytes_of;
use super::machine::Turn;

/// Bytes of text per token, on the safe side: English has about 4, other languages and code less.
const BYTES_PER_TOKEN: usize = 3;

/// From this part of the window on, in percent, older turns are compacted before the next request.
const COMPACT_AT_PERCENT: u64 = 80;

/// Where the model is told how full its window is, in percent.
const NUDGES_PERCENT: [u64; 3] = [40, 70, 90];

/// What stays as it is of a history that is compacted, in percent of the window.
const KEEP_PERCENT: u64 = 20;

/// Requests that one turn may lose to a window that is smaller than it was said to be.
const OVERFLOWS_MAX: u32 = 3;

/// What the model can read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Size of the window, answer included, in tokens.
    pub window_tokens: u64,
    /// The part of it that is kept for the answer, in tokens.
    pub answer_tokens: u64,
    /// What system prompt and tools take of it, in bytes.
    pub prompt_bytes: usize,
}

impl Room {
    /// What prompt and conversation may take, in tokens.
    fn request_tokens(&self) -> u64 {
        self.window_tokens.saturating_sub(self.answer_tokens).max(1)
    }
}

/// What a summary has to cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compactable<'a> {
    /// The summary before it.
    pub summary: Option<&'a str>,
    /// Whole turns, oldest first.
    pub messages: &'a [Message],
    /// How many messages of the history stay as they are.
    pub kept_messages: usize,
}

/// An estimate for a text of `bytes`; never too low by much.
pub fn tokens_of(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(u64::MAX)
}

/// What the machine knows about the window.
#[derive(Debug, Clone, Default)]
pub(super) struct Fill {
    /// What the vendor counted for the last request and its answer, in tokens, and how many of the
    /// turn's messages that covers.
    counted: Option<(u64, usize)>,
    /// How far the model was told, as an index into [`NUDGES_PERCENT`].
    nudged: usize,
}

impl Turn {
    /// Estimated tokens of the next request.
    pub fn context_tokens(&self) -> u64 {
        if let Some((tokens, messages)) = self.fill.counted {
            let since = self.messages.get(messages..).unwrap_or_default();
            let text = tokens_of(since.iter().map(bytes_of).sum());
            let shown = tokens_of_all(&self.shown(since));
            return tokens.saturating_add(text).saturating_add(shown);
        }
        let summary = self.summary.as_ref().map_or(0, |summary| summary.len());
        let history: usize = self.history().iter().map(bytes_of).sum();
        let turn: usize = self.messages.iter().map(bytes_of).sum();
        let text = tokens_of(self.opening.room.prompt_bytes + summary + history + turn);
        let messages = self.history().iter().chain(&self.messages);
        text.saturating_add(tokens_of_all(&self.shown(messages)))
    }

    /// The attachments that the model is to see with these messages, oldest first.
    pub fn shown<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a Message>,
    ) -> Vec<&'a Attachment> {
        shown(messages, self.opening.room.request_tokens())
    }

    /// How full the window is, in percent of what a request may take.
    pub fn context_percent(&self) -> u64 {
        self.context_tokens().saturating_mul(100) / self.opening.room.request_tokens()
    }

    /// The vendor counted a request and its answer, which is about to become the next message.
    pub(super) fn counted(&mut self, usage: TokenUsage) {
        if usage.input > 0 {
            let tokens = usage.input.saturating_add(usage.output);
            self.fill.counted = Some((tokens, self.messages.len() + 1));
        }
    }

    /// Whether older turns have to go before the next request.
    pub(super) fn must_compact(&self) -> bool {
        let full = self.overflows > 0 || self.context_percent() >= COMPACT_AT_PERCENT;
        full && !self.history().is_empty()
    }

    /// What has to go: the last summary, and whole turns of the history from the oldest on. The
    /// newest turns stay as they are, as far as they are few; one that alone is much goes too.
    pub fn compactable(&self) -> Compactable<'_> {
        let history = self.history();
        let keep_tokens = if self.overflows > 0 {
            0
        } else {
            self.opening.room.request_tokens() * KEEP_PERCENT / 100
        };
        let mut cut = history.len();
        let mut bytes = 0;
        for (at, message) in history.iter().enumerate().rev() {
            bytes += bytes_of(message);
            if tokens_of(bytes) > keep_tokens {
                break;
            }
            if matches!(message, Message::User { .. }) {
                cut = at;
            }
        }
        let covered = if cut == 0 { history.len() } else { cut };
        Compactable {
            summary: self.summary.as_deref(),
            messages: history.get(..covered).unwrap_or_default(),
            kept_messages: history.len() - covered,
        }
    }

    /// Older turns became a summary, or were dropped when there is none.
    pub(super) fn on_compacted(&mut self, summary: Option<String>, kept: usize) {
        let history = &self.opening.history;
        let from = self.skipped.max(history.len().saturating_sub(kept));
        let is_turn = |at: &usize| matches!(history.get(*at), Some(Message::User { .. }));
        // Whole turns only, also when the history is not the one that was compacted.
        self.skipped = (from..history.len()).find(is_turn).unwrap_or(history.len());
        if summary.is_some() {
            self.summary = summary.map(Arc::from);
        }
        self.overflows = 0;
        self.fill.counted = None;
    }

    /// The model could not read all of the request.
    pub(super) fn on_overflowed(&mut self, reason: String) {
        self.overflows += 1;
        self.overflows_ever += 1;
        if self.history().is_empty() || self.overflows_ever > OVERFLOWS_MAX {
            self.limit(reason);
        }
    }

    /// Ends a turn that alone is more than the model can read.
    pub(super) fn check_fit(&mut self) {
        let alone = self.outcome.is_none() && self.history().is_empty() && self.calls.is_empty();
        if alone && self.context_percent() > 100 {
            let tokens = self.opening.room.window_tokens;
            self.limit(format!(
                "the turn does not fit into the model's {tokens} tokens"
            ));
        }
    }

    /// What the model is told about its window with the next request: once for each mark.
    pub(super) fn nudge(&self) -> Option<String> {
        let percent = self.context_percent();
        let passed = NUDGES_PERCENT.iter().filter(|mark| percent >= **mark);
        (passed.count() > self.fill.nudged).then(|| {
            format!(
                "(Your context is {percent} % full. Older turns are summarised when it is: keep \
                 what matters in your memory files.)"
            )
        })
    }

    /// The marks that the request which was just answered had passed.
    pub(super) fn note_nudge(&mut self) {
        let percent = self.context_percent();
        let passed = NUDGES_PERCENT.iter().filter(|mark| percent >= **mark);
        self.fill.nudged = self.fill.nudged.max(passed.count());
    }

    /// Earlier turns that are still sent as they are.
    pub(super) fn history(&self) -> &[Message] {
        self.opening.history.get(self.skipped..).unwrap_or_default()
    }
}
