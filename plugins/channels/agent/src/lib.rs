//! HTTP channel: messages from people, tools and peer agents.
//!
//! [`AgentChannel::routes`] are `POST /api/message` and `GET /api/mesh/ping`;
//! [`AgentChannel::with_operator`] adds `GET /api/operator` to whatever routes there are.
//!
//! **Invariant:** a reply is settled only after its last byte was given to the connection and the
//! connection took it. Somebody who left earlier can ask again with the same id.

mod access;
mod channel;
mod file;
mod message;
mod operator;
mod refusal;
mod reply;

pub use channel::AgentChannel;
