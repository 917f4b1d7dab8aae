//! Target docker: containers of one Docker engine.
//!
//! - [`DockerEngine`]: a connection to an engine that is there and new enough.
//! - [`DockerProvider`]: looks at one fleet on that engine, changes it, and reaches its nodes.
//! - [`Datahub`]: the fleet's Postgres, backed up, restored and asked by its own programs.
//! - [`ensure_image`]: makes the agent's image there.
//!
//! **Invariants.** The engine is the only memory: what an object is stands on its labels. Files
//! get into a volume through a container that never starts, so content passes neither the
//! environment nor any inspect. Nothing is changed or removed before its labels were read once
//! more.

mod access;
mod apply;
mod claim;
mod compose;
mod container;
mod datahub;
mod engine;
mod error;
mod exec;
#[cfg(test)]
#[path = "../../../agent/protocol/tests/fuzzing/mod.rs"]
mod fuzzing;
mod image;
mod lease;
mod observe;
mod provider;
mod role;

pub use access::{LogLines, NodeStream};
pub use compose::ComposeFile;
pub use datahub::{Contents, Datahub, DatahubError, Ended, Ends, ProgramError, Screen, Size};
pub use engine::{ConnectError, DockerEngine, EngineAddress, TlsFiles};
pub use image::{
    BuildError, BuildRequest, BuiltImage, Commit, ImageMove, ImageVariant, ensure_image,
};
pub use lease::LeaseToken;
pub use provider::DockerProvider;
