//! The agent's application: turns, sessions, streaming, health, metrics.
//!
//! - [`Application`]: takes messages ([`rivetos_types::intake::Intake`]), drives turns, drains.
//! - [`http`]: the listener with `/health*` and `/metrics`; channels add their routes.
//!
//! **Invariant:** what a turn did is in the store before the next effect begins, and a mutating
//! tool runs only after the record that it is about to is on the disk.

mod application;
mod audit;
mod clock;
mod delivery;
pub mod http;
mod media;
mod metrics;
mod prices;
mod streaming;
mod telemetry;

pub use application::{Application, Budget, Identity, Models, Parts, Source};
pub use audit::{AuditBounds, AuditLog};
pub use prices::Prices;
pub use telemetry::{Collector, CollectorError};
