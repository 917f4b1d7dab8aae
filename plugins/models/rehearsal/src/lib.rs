//! Offline stand-in: an OpenAI-compatible endpoint on loopback that answers deterministically.
//!
//! It lets everything but the model be the real thing: the agent speaks to it over HTTP and
//! server-sent events with the same plugin that speaks to vendors, and it calls real tools when it
//! is told to. Every answer begins by saying what it is.

mod answer;
mod server;
mod wire;

pub use answer::FIRST_LINE;
pub use server::{Rehearsal, serve};
