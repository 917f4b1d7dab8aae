//! `rivet.config.yaml`: text to typed configuration, with every problem at once.
//!
//! One schema, read by both halves: the operator's tool reads a whole fleet's file, an agent
//! reads the file that was rendered for it alone ([`Config::for_agent`]).
//!
//! - [`parse`]: text to [`Config`]; variables come from an [`Environment`].
//! - [`schema`]: the JSON Schema of the file.
//! - [`migrate`]: old spellings rewritten in the text.
//! - [`with_model`]: one value replaced in the text.
//! - [`EnvFile`]: the variables of a `.env` file.
//! - [`Config::to_yaml`]: back to text that [`parse`] reads as the same.

mod edit;
mod env_file;
mod environment;
mod for_agent;
mod migrate;
mod model;
mod node;
mod problem;
mod read;
mod redact;
mod schema;
mod spelling;
mod write;

pub use edit::{EditError, with_model};
pub use env_file::EnvFile;
pub use environment::Environment;
pub use for_agent::{AgentFiles, Placement};
pub use migrate::{Becomes, Change, Migrated, migrate};
pub use model::{
    Agent, AgentChannel, Anthropic, Budget, Channels, Config, Datahub, DatahubAddress, Deploy,
    Deployment, Docker, DockerHost, Google, Image, Local, Login, Memory, ModelRef, Ollama,
    OpenaiCompat, Otlp, Policy, PortRange, Provider, ProviderKind, Resources, Runtime, Sqlite,
    Target, Telemetry, Tls, Tool, Tools, Variant, Xai,
};
pub use problem::{Problem, Problems};
pub use read::{Parsed, parse};
pub use redact::redacted;
pub use rivetos_types::id::{AgentName, FleetId, HostName, NameError};
pub use rivetos_types::secret::{Secret, SecretError, SecretRef, SecretResolver};
pub use schema::schema;
pub use write::quoted;
