//! Target local: supervised processes of this host.
//!
//! - [`LocalProvider`]: sees and changes the folders and processes of one fleet, and reaches its
//!   agents. Implements the planner's ports.
//! - [`supervise`]: the loop that keeps one agent running; runs in a process of its own, which
//!   the provider starts.
//!
//! Everything lives below the fleet's folder, `<home>`:
//!
//! ```text
//! agents/<A>/config/       rendered configuration      (0400 files; never changed in place)
//! agents/<A>/secret/       the agent's secrets         (0400 files; never changed in place)
//! agents/<A>/data/         workspace and store         (stays when the agent goes)
//! agents/<A>/process.json  what is to run; its labels
//! agents/<A>/state.json    what runs; written by the supervisor
//! agents/<A>/agent.log     what the agent wrote, and one older file
//! ```
//!
//! Each of the three folders carries its labels in a file of its own. Nothing runs after a
//! reboot until the next `rivetos infra up`.

mod access;
mod apply;
mod folder;
mod lease;
mod log_file;
mod log_lines;
mod observe;
mod ports;
mod process;
mod provider;
mod record;
mod restarts;
mod stamp;
mod supervise;

pub use access::LogLines;
pub use lease::LeaseToken;
pub use provider::{LocalProvider, LocalSettings};
pub use supervise::{SuperviseError, supervise};
