//! `/health*` and `/metrics`, open to everybody who reaches the port.

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router, middleware};
use rivetos_protocol::{AgentStatus, BODY_BYTES_MAX};

use super::request_id::with_request_id;
use crate::application::Application;

/// The runtime's own routes together with those of the channels, behind the same limits.
pub fn routes(application: Application, channels: Router) -> Router {
    Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .with_state(application)
        .merge(channels)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(with_request_id))
}

async fn health(State(application): State<Application>) -> impl IntoResponse {
    let report = application.health();
    let status = match report.status {
        AgentStatus::Ready => StatusCode::OK,
        AgentStatus::Starting | AgentStatus::Draining | AgentStatus::Degraded => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    (status, Json(report))
}

async fn metrics(State(application): State<Application>) -> impl IntoResponse {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], application.metrics())
}
