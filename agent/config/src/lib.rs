//! `rivet.config.yaml`: text to typed configuration, with every problem at once.
//!
//! One schema, read by both halves: the operator's tool reads a whole fleet's file, an agent
//! reads the file that was rendered for it alone ([`Config::for_agent`]).

mod model;

pub use model::{
    Agent, AgentChannel, Channels, Config, Datahub, Deployment, Docker, Image, Local, Memory,
    PortRange, Provider, ProviderKind, Runtime, Spanned, Sqlite, Target, Variant,
};
pub use rivetos_types::id::{AgentName, FleetId, NameError};
pub use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};
