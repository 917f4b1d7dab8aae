//! From the configuration to what should be.

mod datahub;
mod desired;
mod docker;
mod local;
mod resolve;

pub use datahub::{DATAHUB_LIMITS, role_name};
pub use desired::desired;
pub use docker::AGENT_LIMITS;
pub(crate) use resolve::datahub_target;
pub use resolve::{BuildInfo, Context, FleetSpec, Program, ResolveError};
