//! What a channel shows of one reply, what it is to show, and the one next call. No clock, no call.

use std::collections::VecDeque;

use rivetos_types::channel::EditResult;

/// The messages of one reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Board {
    wanted: Vec<String>,
    shown: Vec<Posted>,
    /// What was given up for another message, and has to go first.
    stale: VecDeque<EditResult>,
    /// Nobody knows whether the message behind `shown` was sent. Only sending it again tells.
    unsure: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Posted {
    at: EditResult,
    /// `None` when an edit may or may not have had its effect.
    text: Option<String>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Move {
    /// The message `part` comes into being.
    Send { part: usize, text: String },
    /// The message `part` changes.
    Edit {
        part: usize,
        at: EditResult,
        text: String,
    },
    /// A message goes.
    Retract { at: EditResult },
}

impl Board {
    /// The messages are to be these, in this order.
    pub(crate) fn want(&mut self, parts: Vec<String>) {
        self.wanted = parts;
    }

    /// `None` when the channel shows what it is to show.
    pub(crate) fn next(&self) -> Option<Move> {
        if let Some(at) = self.stale.front() {
            return Some(Move::Retract { at: at.clone() });
        }
        let part = self.shown.len();
        if self.unsure {
            let text = self.wanted.get(part).map_or("…", String::as_str).to_owned();
            return Some(Move::Send { part, text });
        }
        if let Some(last) = self.shown.get(self.wanted.len()..).and_then(<[_]>::last) {
            return Some(Move::Retract {
                at: last.at.clone(),
            });
        }
        let mut pairs = self.shown.iter().zip(&self.wanted).enumerate();
        let edit = pairs.find(|(_, (posted, text))| posted.text.as_ref() != Some(text));
        if let Some((part, (posted, text))) = edit {
            return Some(Move::Edit {
                part,
                at: posted.at.clone(),
                text: text.clone(),
            });
        }
        let text = self.wanted.get(part)?.clone();
        Some(Move::Send { part, text })
    }

    /// The message `part` is there and says `text`.
    pub(crate) fn posted(&mut self, part: usize, at: EditResult, text: String) {
        let text = Some(text);
        if let Some(posted) = self.shown.get_mut(part) {
            *posted = Posted { at, text };
        } else {
            self.shown.push(Posted { at, text });
            self.unsure = false;
        }
    }

    /// The message is gone, or will not go.
    pub(crate) fn retracted(&mut self, at: &EditResult) {
        if self.stale.front() == Some(at) {
            self.stale.pop_front();
        } else {
            self.shown.retain(|posted| posted.at != *at);
        }
    }

    /// Whether the message `part` was sent or changed is unknown.
    pub(crate) fn unsure(&mut self, part: usize) {
        match self.shown.get_mut(part) {
            Some(posted) => posted.text = None,
            None => self.unsure = true,
        }
    }

    /// The message `part` cannot be changed: it and what follows, which would otherwise stand before
    /// it, are made anew.
    pub(crate) fn refused(&mut self, part: usize) {
        let part = part.min(self.shown.len());
        let stale = self.shown.drain(part..).map(|posted| posted.at);
        self.stale.extend(stale);
    }
}
