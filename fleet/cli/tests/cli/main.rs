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
mod interrupt;
mod live;
mod live_bad_input;
mod live_canary;
mod live_compose;
mod live_datahub;
mod live_docker;
mod live_drift;
mod live_engine;
mod live_far;
mod live_foreign;
mod live_hardening;
mod live_hosts;
mod live_left;
mod live_lock;
mod live_many;
mod live_model;
mod live_scratch;
mod live_ssh;
mod local;
mod model;
mod providers;
mod run;
mod saved;
mod seen;
mod stream;
mod talk;
mod vendor;
mod watched;
mod world;
