//! The program as its callers see it: exit code, standard output, standard error.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it must be"
)]

mod bad_input;
mod live_docker;
mod local;
mod world;
