//! Turns as people follow them in a chat, while they run.
//!
//! - `planner`: what to show next, with the time as an argument. `follow`: the calls, one at a time.
//! - `streams`: who follows which turn, until the courier takes the messages over.
//!
//! **Invariant:** nothing here decides whether a reply arrives. The outbox does, whatever became of
//! the messages here.

mod follow;
mod planner;
mod streams;

pub(crate) use follow::Follower;
pub(crate) use streams::{Streamed, Streams};
