//! The program as its callers see it: exit code, standard output, standard error.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something is not as it must be"
)]

mod against;
mod bad_input;
mod chat;
mod config;
mod graph;
mod live;
mod live_bad_input;
mod live_datahub;
mod live_docker;
mod live_lock;
mod live_model;
mod live_scratch;
mod local;
mod model;
mod stream;
mod talk;
mod world;
