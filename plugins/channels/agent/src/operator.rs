//! `GET /api/operator`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, UPGRADE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::service::TowerToHyperService;
use rivetos_protocol::OPERATOR_UPGRADE;
use rivetos_types::error::ErrorCode;

use crate::access::{self, Operator};
use crate::channel::Shared;
use crate::refusal::Refusal;

/// What the handler needs: the channel, and the routes that the operator gets.
#[derive(Clone)]
pub(crate) struct Access {
    shared: Arc<Shared>,
    routes: Router,
}

impl Access {
    pub(crate) fn new(shared: Arc<Shared>, reached: Router) -> Self {
        Self {
            shared,
            routes: reached.layer(Extension(Operator)),
        }
    }
}

pub(crate) async fn upgrade(
    State(access): State<Access>,
    request: Request,
) -> Result<Response, Refusal> {
    let (mut parts, _) = request.into_parts();
    access::check_bearer(&parts, &access.shared)?;
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let (true, Some(upgrade)) = (asks_for_upgrade(&parts.headers), upgrade) else {
        let message = format!("this path is only good for an upgrade to `{OPERATOR_UPGRADE}`");
        return Err(Refusal::new(426, ErrorCode::ChannelRejected, message));
    };
    tokio::spawn(serve(upgrade, access.routes));
    let headers = [(CONNECTION, "upgrade"), (UPGRADE, OPERATOR_UPGRADE)];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    headers
        .get(UPGRADE)
        .is_some_and(|wanted| wanted.as_bytes() == OPERATOR_UPGRADE.as_bytes())
}

/// Serves until the operator closes the connection.
async fn serve(upgrade: OnUpgrade, routes: Router) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return tracing::debug!(%error, "the operator's connection was lost"),
    };
    let service = TowerToHyperService::new(routes);
    if let Err(error) = http1::Builder::new()
        .serve_connection(upgraded, service)
        .await
    {
        tracing::debug!(%error, "the operator's connection ended early");
    }
}
