//! The agent's domain: turn machine, prompt, tools; no input or output.
//!
//! - [`turn`]: the machine that leads from a person's message to a reply, and its journal.
//! - [`tools`]: the tools of an agent behind one registry.
//! - [`commands`]: what a person can order the agent itself to do.
//! - [`fallback`]: who is asked when the first choice cannot answer.
//! - [`redact`]: what must not be seen is taken out of text.
//! - [`workspace`]: the system prompt.
//!
//! **Invariant:** nothing here reads a clock, a file, the network or the environment. What
//! happened, and when, comes in as an argument.

pub mod commands;
pub mod fallback;
pub mod redact;
pub mod tools;
pub mod turn;
pub mod workspace;
