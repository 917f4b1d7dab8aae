//! The agent's listener.

mod listener;
mod request_id;
mod routes;

pub use listener::serve;
pub use routes::routes;
