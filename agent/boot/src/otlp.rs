//! The way to a collector of traces.

use std::error::Error;
use std::sync::OnceLock;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url, redirect};
use rivetos_model_openai_compat::tls;
use rivetos_runtime::{Collector, CollectorError};
use rivetos_types::BoxFuture;
use rivetos_types::secret::Secret;
use thiserror::Error;

/// OTLP over HTTP. Redirects are never followed: they would carry the headers along.
pub(crate) struct OtlpHttp {
    url: String,
    headers: HeaderMap,
    /// Made on first use: trust roots are slow to load, and starting is to be quick.
    client: OnceLock<Client>,
}

/// Why the settings cannot be used. What is in the headers is not told: it is a secret.
#[derive(Debug, Error)]
pub(crate) enum OtlpError {
    #[error("`headers` are `NAME=VALUE` with commas in between, and number {0} is not")]
    Header(usize),
}

impl OtlpHttp {
    pub(crate) fn new(endpoint: &str, headers: Option<&Secret<String>>) -> Result<Self, OtlpError> {
        let mut map = HeaderMap::new();
        let texts = headers
            .iter()
            .flat_map(|headers| headers.expose().split(','));
        for (index, text) in texts.enumerate() {
            let (name, value) = header(text).ok_or(OtlpError::Header(index + 1))?;
            map.append(name, value);
        }
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Self {
            url: format!("{endpoint}/v1/traces"),
            headers: map,
            client: OnceLock::new(),
        })
    }

    fn client(&self) -> Result<&Client, CollectorError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .tls_backend_preconfigured(tls::client_config().map_err(CollectorError)?);
        if is_loopback(&self.url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| failed(&error))?;
        Ok(self.client.get_or_init(|| client))
    }

    async fn post(&self, body: Vec<u8>) -> Result<(), CollectorError> {
        let post = self.client()?.post(&self.url).headers(self.headers.clone());
        let response = post.body(body).send().await;
        let response = response.map_err(|error| failed(&error))?;
        let status = response.status();
        // Read to its end, so that the connection can be used again.
        let rest = response.bytes().await;
        if !status.is_success() {
            return Err(CollectorError(format!("it answered {status}")));
        }
        rest.map(drop).map_err(|error| failed(&error))
    }
}

impl Collector for OtlpHttp {
    fn take(&self, body: Vec<u8>) -> BoxFuture<'_, Result<(), CollectorError>> {
        Box::pin(self.post(body))
    }
}

fn is_loopback(url: &str) -> bool {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str);
    host.is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."))
}

fn header(text: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once('=')?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
    let mut value = HeaderValue::from_str(value.trim()).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

/// The last cause, which says most, without the address.
fn failed(error: &reqwest::Error) -> CollectorError {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    CollectorError(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_names_and_values() {
        let of = |text| OtlpHttp::new("http://c", Some(&Secret::from(text)));
        let otlp = of("Authorization=Basic YWRh==, x-team = blue").unwrap();
        assert_eq!(otlp.headers["authorization"], "Basic YWRh==");
        assert_eq!(otlp.headers["x-team"], "blue");
        assert!(!format!("{:?}", otlp.headers).contains("YWRh"));
        for (text, number) in [("canary", 1), ("a=b,ca nary=c", 2), ("a=b,", 2)] {
            let Err(OtlpError::Header(found)) = of(text) else {
                panic!("{text}")
            };
            assert_eq!(found, number, "{text}");
        }
    }
}
