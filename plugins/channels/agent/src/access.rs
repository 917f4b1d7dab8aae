//! Who may speak.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use rivetos_types::error::ErrorCode;

use crate::channel::Shared;
use crate::refusal::Refusal;

/// Marks the requests of an operator's connection, which authenticated itself when it was opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operator;

/// Proof that a request may speak, taken before anything of its body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// The operator.
    Operator,
    /// Somebody with the bearer: a tool or a peer agent.
    Bearer,
}

impl FromRequestParts<Arc<Shared>> for Speaker {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        shared: &Arc<Shared>,
    ) -> Result<Self, Self::Rejection> {
        if parts.extensions.get::<Operator>().is_some() {
            return Ok(Self::Operator);
        }
        check_bearer(parts, shared).map(|()| Self::Bearer)
    }
}

/// Refuses a request without the present bearer: 401 when there is none, 403 when it is another.
pub(crate) fn check_bearer(parts: &Parts, shared: &Shared) -> Result<(), Refusal> {
    let unauthorized =
        |status, message: &str| Refusal::new(status, ErrorCode::ChannelUnauthorized, message);
    let given = parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let given = given.and_then(|value| {
        let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
    });
    let Some(given) = given.filter(|token| !token.is_empty()) else {
        return Err(unauthorized(401, "a bearer token is needed"));
    };
    let expected = shared
        .secrets
        .resolve(&shared.settings.bearer)
        .map_err(|error| {
            tracing::error!(%error, "nobody can be let in: the agent's own token is not to be had");
            unauthorized(503, "the agent's own token is not to be had")
        })?;
    if expected.matches(given) {
        Ok(())
    } else {
        Err(unauthorized(403, "the bearer token is not this agent's"))
    }
}
