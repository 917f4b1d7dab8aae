//! The planner: what should be, what is, and the steps between, as pure functions.
//!
//! - [`model`]: resources, specs, inventories, plans. Data only.
//! - [`port`]: what a provider of infrastructure implements. Signatures only.

pub mod model;
pub mod port;

pub use rivetos_config::{AgentName, FleetId, Secret, SecretError, SecretRef, SecretResolver};
