//! Sending a request.

use std::borrow::Cow;
use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url, redirect};
use rivetos_types::secret::Secret;
use thiserror::Error;
use tokio::time::timeout;

use crate::refusal::without;
use crate::tls;

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest body that [`Http::fetch`] takes, in bytes.
const REPLY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What is done with the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It is read.
    Get,
    /// It gets the body.
    Post,
}

/// The value of a header.
#[derive(Debug, Clone)]
pub enum HeaderText {
    /// Everybody may read it: a version, the name of a feature.
    Plain(Cow<'static, str>),
    /// A key, or what an operator gave, which may be one. No error repeats it.
    Secret(Secret<String>),
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is done.
    pub method: Method,
    /// Where to, absolute.
    pub url: String,
    /// Beside the types of the bodies.
    pub headers: Vec<(Cow<'static, str>, HeaderText)>,
    /// The media type of `body`.
    pub content_type: &'static str,
    /// What is sent.
    pub body: Vec<u8>,
    /// The media types that an answer may have. Servers that name none are taken at their word.
    pub accept: &'static [&'static str],
    /// The longest wait for an answer, connecting included, and again for the first byte of one
    /// that is streamed.
    pub first_byte_timeout: Duration,
    /// The longest wait for each further byte.
    pub idle_timeout: Duration,
}

impl Request {
    /// A request without body or headers.
    pub fn get(url: String, timeout: Duration) -> Self {
        Self {
            method: Method::Get,
            url,
            headers: Vec::new(),
            content_type: "application/json",
            body: Vec::new(),
            accept: &["application/json"],
            first_byte_timeout: timeout,
            idle_timeout: timeout,
        }
    }

    /// A request with a JSON body and an answer in JSON.
    pub fn post(url: String, body: Vec<u8>, timeout: Duration) -> Self {
        Self {
            method: Method::Post,
            body,
            ..Self::get(url, timeout)
        }
    }

    /// The same request with another header, whose value is a secret.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: Secret<String>) -> Self {
        self.headers.push((name.into(), HeaderText::Secret(value)));
        self
    }

    /// The same request with a header that everybody may read.
    #[must_use]
    pub fn with_plain(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        let value = HeaderText::Plain(value.into());
        self.headers.push((name.into(), value));
        self
    }

    /// The secrets as a server would repeat them, without the scheme in front.
    pub(crate) fn secrets(&self) -> Vec<Secret<String>> {
        let bare = |value: &HeaderText| match value {
            HeaderText::Plain(_) => None,
            HeaderText::Secret(value) => {
                let value = value.expose();
                let bare = value.strip_prefix("Bearer ").unwrap_or(value);
                Some(Secret::new(bare.to_owned()))
            }
        };
        let headers = self.headers.iter();
        headers.filter_map(|(_, value)| bare(value)).collect()
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HttpError {
    /// The request cannot be sent: no URL, no header, broken trust roots.
    #[error("{0}")]
    Unusable(String),
    /// Nobody answered.
    #[error("{origin} cannot be reached: {cause}")]
    Unreached {
        /// Scheme, host and port.
        origin: String,
        /// The last cause, which says most.
        cause: String,
    },
    /// The answer broke off or did not go on.
    #[error("the answer broke off: {0}")]
    BrokenOff(String),
    /// The answer is longer than anybody expected.
    #[error("the answer is longer than {} MiB", REPLY_BYTES_MAX / 1024 / 1024)]
    TooLong,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// A client for everything; clones share its connections.
#[derive(Debug, Clone, Default)]
pub struct Http(Arc<Clients>);

/// Made on first use: trust roots are slow to load, and starting is to be quick.
#[derive(Debug, Default)]
struct Clients {
    /// For loopback addresses, which no proxy reaches.
    direct: OnceLock<Client>,
    /// By `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
    proxied: OnceLock<Client>,
}

impl Http {
    /// A client. Nothing is opened or loaded before the first request.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a request and takes its whole answer, whatever its status. One that is no success is
    /// without the secrets of the request.
    ///
    /// # Errors
    /// There is no whole answer.
    pub async fn fetch(&self, request: Request) -> Result<Reply, HttpError> {
        let idle_timeout = request.idle_timeout;
        let secrets = request.secrets();
        let mut response = self.send(request).await?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(bytes) = next_bytes(&mut response, idle_timeout).await? {
            if body.len() + bytes.len() > REPLY_BYTES_MAX {
                return Err(HttpError::TooLong);
            }
            body.extend_from_slice(&bytes);
        }
        if !(200..300).contains(&status) {
            body = without(&secrets, &String::from_utf8_lossy(&body)).into_bytes();
        }
        Ok(Reply { status, body })
    }

    pub(crate) async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let url = Url::parse(&request.url)
            .map_err(|error| HttpError::Unusable(format!("`{}`: {error}", request.url)))?;
        let origin = url.origin().ascii_serialization();
        let client = self.client(&url)?;
        let headers = headers(&request.headers)?;
        let sending = match request.method {
            Method::Get => client.get(url),
            Method::Post => client
                .post(url)
                .header(CONTENT_TYPE, request.content_type)
                .body(request.body),
        };
        let sending = sending
            .header(ACCEPT, request.accept.join(", "))
            .headers(headers)
            .send();
        match timeout(request.first_byte_timeout, sending).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_builder() => Err(HttpError::Unusable(deepest(&error))),
            Ok(Err(error)) => Err(HttpError::Unreached {
                origin,
                cause: deepest(&error),
            }),
            Err(_) => Err(HttpError::Unreached {
                origin,
                cause: format!("no answer in {} s", request.first_byte_timeout.as_secs()),
            }),
        }
    }

    fn client(&self, url: &Url) -> Result<&Client, HttpError> {
        let Clients { direct, proxied } = &*self.0;
        let loopback = is_loopback(url);
        let kept = if loopback { direct } else { proxied };
        if let Some(client) = kept.get() {
            return Ok(client);
        }
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tls_backend_preconfigured(tls::client_config().map_err(HttpError::Unusable)?);
        if loopback {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| HttpError::Unusable(deepest(&error)))?;
        Ok(kept.get_or_init(|| client))
    }
}

/// More of a body; `None` at its clean end.
pub(crate) async fn next_bytes(
    response: &mut Response,
    idle_timeout: Duration,
) -> Result<Option<Bytes>, HttpError> {
    match timeout(idle_timeout, response.chunk()).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(HttpError::BrokenOff(deepest(&error))),
        Err(_) => {
            let seconds = idle_timeout.as_secs();
            Err(HttpError::BrokenOff(format!(
                "nothing came for {seconds} s"
            )))
        }
    }
}

fn headers(given: &[(Cow<'static, str>, HeaderText)]) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let unusable = || HttpError::Unusable(format!("the header `{name}` cannot be sent"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
        let (text, sensitive) = match value {
            HeaderText::Plain(text) => (&**text, false),
            HeaderText::Secret(secret) => (secret.expose().as_str(), true),
        };
        let mut value = HeaderValue::from_str(text).map_err(|_| unusable())?;
        value.set_sensitive(sensitive);
        headers.append(key, value);
    }
    Ok(headers)
}

fn is_loopback(url: &Url) -> bool {
    url.host_str()
        .is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."))
}

/// The innermost cause says what happened; the outer ones only where.
fn deepest(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_secrets_are_kept_from_errors() {
        let get = Request::get("http://127.0.0.1:1".into(), CONNECT_TIMEOUT)
            .with("authorization", "Bearer canary".into())
            .with("x-key", "second".into())
            .with_plain("version", "2023-06-01");
        let secrets = get.secrets();
        let said = "version 2023-06-01 is not for canary, nor for second";
        assert_eq!(
            without(&secrets, said),
            "version 2023-06-01 is not for ***, nor for ***"
        );
        let sent = headers(&get.headers).unwrap();
        assert!(sent["authorization"].is_sensitive() && sent["x-key"].is_sensitive());
        assert!(!sent["version"].is_sensitive());
        assert!(!format!("{get:?}").contains("canary"));
    }
}
