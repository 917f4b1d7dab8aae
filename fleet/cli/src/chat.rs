//! A conversation with a running agent.

mod input;
mod turn;
mod view;

pub(crate) use input::{Input, Typed};
pub(crate) use turn::{Conversation, TurnEnd};
pub(crate) use view::View;
