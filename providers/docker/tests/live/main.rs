//! A real engine, named by `RIVETOS_TEST_DOCKER_HOST`. Each test has a fleet of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what failed by failing"
)]

mod access;
mod claims;
mod datahub;
mod hardening;
mod image;
mod in_place;
mod interrupted;
mod lease;
mod lifecycle;
mod proxy;
mod stale;
mod swap;
mod world;
