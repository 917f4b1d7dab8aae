//! The agent's listener.

mod drain;
mod listener;
mod request_id;
mod routes;

pub use listener::serve;
pub use routes::{operator_routes, routes};
