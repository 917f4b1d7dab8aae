//! `/health*` and `/metrics`, open to everybody who reaches the port, and `/api/drain`, which is
//! not.

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use rivetos_protocol::{AgentStatus, BODY_BYTES_MAX, DRAIN_PATH};

use super::drain::drain;
use super::request_id::with_request_id;
use crate::application::Application;

/// The runtime's own routes together with those of the channels, behind the same limits.
pub fn routes(application: Application, channels: Router) -> Router {
    let own = Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .with_state(application);
    limited(own.merge(channels))
}

/// What only an operator may ask for: `POST /api/drain`. Whoever merges these routes with others
/// answers for who reaches them.
pub fn operator_routes(application: Application) -> Router {
    limited(
        Router::new()
            .route(DRAIN_PATH, post(drain))
            .with_state(application),
    )
}

fn limited(routes: Router) -> Router {
    routes
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(with_request_id))
}

async fn health(State(application): State<Application>) -> impl IntoResponse {
    let report = application.health().await;
    let status = match report.status {
        AgentStatus::Ready => StatusCode::OK,
        AgentStatus::Starting | AgentStatus::Draining | AgentStatus::Degraded => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    (status, Json(report))
}

async fn metrics(State(application): State<Application>, headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT);
    let accepted = accepted.and_then(|accepted| accepted.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains("application/json")) {
        return Json(application.metrics_json().await).into_response();
    }
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], application.metrics().await).into_response()
}
