//! The agent's domain: turn machine, prompt, tools; no input or output.
//!
//! - [`turn`]: the machine that leads from a person's message to a reply, and its journal.
//! - [`tools`]: the tools of an agent behind one registry.
//! - [`router`]: what an incoming message is: a command or something for the model.
//! - [`workspace`]: the system prompt.
//!
//! **Invariant:** nothing here reads a clock, a file, the network or the environment. What
//! happened, and when, comes in as an argument.

pub mod router;
pub mod tools;
pub mod turn;
pub mod workspace;
