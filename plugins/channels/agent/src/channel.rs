//! The channel and its routes.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use rivetos_protocol::{MESSAGE_BYTES_MAX, MeshPing, OPERATOR_PATH, PROTOCOL_VERSION};
use rivetos_types::intake::Intake;
use rivetos_types::secret::SecretResolver;
use rivetos_types::settings;
use rivetos_types::time::Timestamp;
use tokio::sync::Semaphore;

use crate::{file, message, operator};

/// The HTTP channel of one agent.
#[derive(Clone)]
pub struct AgentChannel {
    shared: Arc<Shared>,
}

/// What every request needs.
pub(crate) struct Shared {
    pub(crate) intake: Arc<dyn Intake>,
    pub(crate) secrets: Arc<dyn SecretResolver>,
    pub(crate) settings: settings::AgentChannel,
    /// Long bodies are in memory only a few at a time.
    pub(crate) long_bodies: Semaphore,
}

/// How many long bodies are read at a time.
const LONG_BODIES_MAX: usize = 2;

impl AgentChannel {
    /// The channel in front of `intake`. The bearer is resolved for each request.
    pub fn new(
        intake: Arc<dyn Intake>,
        secrets: Arc<dyn SecretResolver>,
        settings: settings::AgentChannel,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                intake,
                secrets,
                settings,
                long_bodies: Semaphore::new(LONG_BODIES_MAX),
            }),
        }
    }

    /// `POST /api/message` and the files of replies (bearer or operator), and `GET /api/mesh/ping` (open).
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/api/message", post(message::post))
            .route("/api/message/{id}/attachments/{index}", get(file::get))
            .route("/api/mesh/ping", get(ping))
            .layer(DefaultBodyLimit::max(MESSAGE_BYTES_MAX))
            .with_state(Arc::clone(&self.shared))
    }

    /// `all` and `GET /api/operator`: whoever has the bearer gets `all` and `operators` over the
    /// upgraded connection, each request marked as the operator's. Elsewhere `operators` are not.
    pub fn with_operator(&self, all: Router, operators: Router) -> Router {
        let reached = all.clone().merge(operators);
        let access = Router::new()
            .route(OPERATOR_PATH, get(operator::upgrade))
            .with_state(operator::Access::new(Arc::clone(&self.shared), reached));
        all.merge(access)
    }
}

async fn ping(State(shared): State<Arc<Shared>>) -> Json<MeshPing> {
    Json(MeshPing {
        status: "ok".to_owned(),
        agent: shared.settings.agent.clone(),
        timestamp: now().0,
        protocol: PROTOCOL_VERSION,
    })
}

/// The present; the epoch where the clock is before it.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
