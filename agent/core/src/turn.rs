//! One turn: from a person's message to a reply.
//!
//! [`Turn`] is a machine without I/O. [`Turn::next`] says what is to be done, [`Turn::on`] takes
//! what happened. The inputs are what is journaled, so a turn can stop after any of them and
//! continue in another process: restoring is the same fold over the same inputs.

mod answer;
mod approval;
mod attachments;
mod calls;
mod context;
mod conversation;
mod journal;
mod limits;
mod machine;
mod outcome;
mod request;
mod results;

pub use approval::{Policy, Rule, call_hash};
pub use calls::PlannedCall;
pub use context::{Compactable, Room, tokens_of};
pub use conversation::{ConversationError, check_conversation, cut_history};
pub use journal::{Abort, JournalError, TurnInput, decode, encode};
pub use limits::Limits;
pub use machine::{Opening, Turn, TurnAction};
