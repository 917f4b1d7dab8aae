//! Tools: read, write, edit and send files of the workspace.
//!
//! **Invariant:** no call touches anything outside the workspace, whichever way its path is
//! written and whatever symbolic links lie on it.

mod edit;
mod fence;
mod read;
mod send;
mod text;
mod write;

pub use edit::{FileEdit, FileEditArgs};
pub use read::{FileRead, FileReadArgs};
pub use send::{FileSend, FileSendArgs};
pub use write::{FileWrite, FileWriteArgs};
