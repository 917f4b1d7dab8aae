//! What should be, as text: for reading, for review and for tools other than ours.
//!
//! - [`render`]: a whole fleet, as a compose file or as a description of local processes, with
//!   the configuration of each agent.
//! - [`starter`]: the file that a new fleet begins with.
//! - [`Graph`]: a plan or a fleet as a picture.
//!
//! Decisions are taken here and in the planner; templates have loops and quoting only.

mod compose;
mod files;
mod fleet;
mod graph;
mod local;
mod starter;
mod text;

pub use fleet::render;
pub use graph::{Drawing, Graph};
pub use starter::{Model, Starter, starter};
pub use text::RenderError;
