//! Calls that a person has to allow before they run.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{ChannelId, SessionId, TurnId};
use crate::time::Timestamp;

/// SHA-256, in hex, of one exact call: its turn, its place in it, its tool and its arguments. A
/// decision counts for the call with this hash and for no other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallHash(pub String);

/// How many characters of a hash people see and type.
const SHORT_CHARS: usize = 8;

impl CallHash {
    /// What people see and type.
    pub fn short(&self) -> &str {
        self.0.get(..SHORT_CHARS).unwrap_or(&self.0)
    }
}

impl fmt::Display for CallHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A call that waits for a person's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Which call exactly.
    pub call: CallHash,
    /// The turn that is parked for it.
    pub turn: TurnId,
    /// The session of the turn.
    pub session: SessionId,
    /// Where the turn came from, and where the question goes.
    pub channel: ChannelId,
    /// The tool.
    pub tool: String,
    /// The arguments as the model wrote them, but for the secrets in them.
    pub arguments: String,
    /// Nobody's word until then is a no.
    pub expires_at: Timestamp,
}

/// What came of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The call runs.
    Approved,
    /// The call does not run; the model is told.
    Denied,
    /// The call does not run, and the turn ends.
    Stopped,
    /// Nobody answered in time: as if it was denied.
    Expired,
}

/// A decision and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Which call exactly.
    pub call: CallHash,
    /// What was decided.
    pub decision: Decision,
    /// Who decided, for the audit.
    pub by: String,
}
