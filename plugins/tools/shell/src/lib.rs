//! Tool: run a command in the workspace.
//!
//! **Invariant:** when a call is over, however it ended, no process of its group is left.

mod capture;
mod group;
mod shell;

pub use shell::{Shell, ShellArgs, available};
