//! Replies on their way out through the channels that push.
//!
//! - `split`: one text as messages of a service. `board`: what is shown, what is to be shown, and the
//!   one next call; both pure.
//! - `outbox`: what the deliveries of all channels share. `courier`: one channel's deliveries.

mod board;
mod courier;
mod files;
mod outbox;
mod perform;
mod split;

pub(crate) use board::{Board, Move};
pub(crate) use courier::deliver_all;
pub(crate) use outbox::{Outbox, Standing};
pub(crate) use perform::{Made, perform};
pub(crate) use split::split;
