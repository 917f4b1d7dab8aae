//! The real program, a model endpoint that checks every request, and a client.

pub(crate) mod agent;
pub(crate) mod client;
pub(crate) mod fake;
pub(crate) mod rows;

use std::time::Duration;

/// Fails instead of hanging.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .expect("in time")
}
