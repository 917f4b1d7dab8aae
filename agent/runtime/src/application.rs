//! Turns from the inbox to the reply.

mod answer;
mod budget;
mod command;
mod compact;
mod depths;
mod dispatch;
mod drive;
mod feed;
mod handle;
mod images;
mod intake;
mod model_step;
mod models;
mod open_turns;
mod places;
mod prompt;
mod record;
mod sessions;
mod state;
mod tool_step;

pub use budget::Budget;
pub use handle::Application;
pub use models::{Models, Source};
pub(crate) use state::lock;
pub use state::{Identity, Parts};
