//! Tools: read, write and edit files of the workspace.
