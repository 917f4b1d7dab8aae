//! A conversation with a running agent.

mod attach;
mod input;
mod save;
mod turn;
mod view;

pub(crate) use attach::read_files;
pub(crate) use input::{Input, Typed};
pub(crate) use turn::{Conversation, TurnEnd};
pub(crate) use view::View;
