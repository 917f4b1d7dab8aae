//! Tool: run a command in the workspace.
