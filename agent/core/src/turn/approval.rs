//! Which calls run, which do not, and which a person is asked about.

use std::fmt::Write;

use rivetos_types::id::TurnId;
use rivetos_types::message::ToolStatus;
use rivetos_types::store::{CallHash, Decision};
use rivetos_types::tool::Effect;
use sha2::{Digest, Sha256};

use super::calls::{PlannedCall, answer};
use super::machine::Turn;

/// Whether a tool may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// It runs.
    #[default]
    Allow,
    /// A person is asked before each call.
    Ask,
    /// It never runs.
    Deny,
}

/// What holds for a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// What it may change.
    pub effect: Effect,
    /// Whether it may be used.
    pub policy: Policy,
}

impl Rule {
    /// Of a name that no tool has: it changes nothing, because it does not run.
    pub(super) const UNKNOWN: Self = Self {
        effect: Effect::ReadOnly,
        policy: Policy::Allow,
    };
}

/// Names one exact call of one turn. Each part is preceded by its length, so that no two calls
/// give the same bytes.
pub fn call_hash(turn: &TurnId, planned: &PlannedCall) -> CallHash {
    let PlannedCall {
        call, step, index, ..
    } = planned;
    let place = format!("{step}/{index}");
    let mut hash = Sha256::new();
    for part in [turn.as_str(), &place, &call.name, &call.arguments] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    CallHash(text)
}

impl Turn {
    /// A decision counts for the call that waits for it, and for no other.
    pub(super) fn on_decided(&mut self, call: &CallHash, decision: Decision) {
        let Some(planned) = self.calls.asked() else {
            return;
        };
        if call_hash(&self.opening.turn, &planned) != *call {
            return;
        }
        let words = match decision {
            Decision::Approved => return self.calls.approve(&planned.call.id),
            Decision::Stopped => return self.interrupt(),
            Decision::Denied => "Not run: the person did not allow this call.",
            Decision::Expired => "Not run: nobody allowed this call in time.",
        };
        let denied = answer(&planned.call, words.to_owned(), ToolStatus::Denied);
        self.calls.end(denied);
        self.close_step();
    }
}
