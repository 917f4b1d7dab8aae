//! What the authorisation server gives for what.

use std::time::{Duration, SystemTime};

use rivetos_http::{Http, Refusal, Request};
use rivetos_types::secret::Secret;
use rivetos_types::settings::OAuth;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{LoginError, Tokens};

/// The longest wait for the authorisation server.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a token is valid when the server does not say.
const VALID: Duration = Duration::from_hours(1);

/// What tokens are given for.
pub(super) enum Grant<'a> {
    /// That a person has agreed.
    Code {
        code: &'a str,
        state: &'a str,
        verifier: &'a Secret<String>,
    },
    /// That there was a login before.
    Renewal(&'a Secret<String>),
}

pub(super) async fn exchange(
    oauth: &OAuth,
    http: &Http,
    grant: Grant<'_>,
) -> Result<Tokens, LoginError> {
    let client = &oauth.client_id;
    let body = match grant {
        Grant::Code {
            code,
            state,
            verifier,
        } => json!({
            "grant_type": "authorization_code",
            "client_id": client,
            "redirect_uri": oauth.redirect_url,
            "code": code,
            "state": state,
            "code_verifier": verifier.expose(),
        }),
        Grant::Renewal(refresh) => json!({
            "grant_type": "refresh_token",
            "client_id": client,
            "refresh_token": refresh.expose(),
        }),
    };
    // Tokens are valid from when they are given, which is not before now.
    let asked_at = SystemTime::now();
    let body = body.to_string().into_bytes();
    let post = Request::post(oauth.token_url.clone(), body, TIMEOUT);
    let reply = http.fetch(post).await?;
    if reply.status != 200 {
        return Err(refused(&Refusal::new(reply.status, reply.body), &grant));
    }
    let given: Given = serde_json::from_slice(&reply.body)
        .map_err(|_| LoginError::Refused("the authorisation server gave no tokens".to_owned()))?;
    let refresh = match (given.refresh_token, grant) {
        (Some(refresh), _) => Secret::new(refresh),
        (None, Grant::Renewal(refresh)) => refresh.clone(),
        (None, Grant::Code { .. }) => Secret::new(String::new()),
    };
    let valid = given.expires_in.map_or(VALID, Duration::from_secs);
    Ok(Tokens {
        access: Secret::new(given.access_token),
        refresh,
        expires_at: asked_at.checked_add(valid).unwrap_or(asked_at),
    })
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

/// The words of RFC 6749, or those of the vendor's API; never what was sent.
fn refused(refusal: &Refusal, grant: &Grant<'_>) -> LoginError {
    let json = refusal.json().unwrap_or(Value::Null);
    let text = |pointer: &str| json.pointer(pointer).and_then(Value::as_str);
    let code = text("/error/type").or_else(|| text("/error"));
    let said = text("/error/message").or_else(|| text("/error_description"));
    let sent = match grant {
        Grant::Code { code, .. } => code,
        Grant::Renewal(refresh) => refresh.expose().as_str(),
    };
    let said = said.unwrap_or("the authorisation server refused");
    let message = refusal.message(Some(said), code);
    let message = if sent.is_empty() {
        message
    } else {
        message.replace(sent, "***")
    };
    if refusal.may_pass() {
        LoginError::Busy(message)
    } else {
        LoginError::Refused(message)
    }
}
