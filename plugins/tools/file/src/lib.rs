//! Tools: read, write and edit files of the workspace.
//!
//! **Invariant:** no call touches anything outside the workspace, whichever way its path is
//! written and whatever symbolic links lie on it.

mod edit;
mod fence;
mod read;
mod text;
mod write;

pub use edit::{FileEdit, FileEditArgs};
pub use read::{FileRead, FileReadArgs};
pub use write::{FileWrite, FileWriteArgs};
