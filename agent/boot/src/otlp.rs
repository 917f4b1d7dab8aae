//! The way to a collector of traces.

use std::time::Duration;

use rivetos_http::{Http, Request};
use rivetos_runtime::{Collector, CollectorError};
use rivetos_types::BoxFuture;
use rivetos_types::secret::Secret;
use thiserror::Error;

/// The longest wait for a collector.
const TIMEOUT: Duration = Duration::from_secs(10);

/// OTLP over HTTP.
pub(crate) struct OtlpHttp {
    url: String,
    headers: Vec<(String, Secret<String>)>,
    http: Http,
}

/// Why the settings cannot be used. What is in the headers is not told: it is a secret.
#[derive(Debug, Error)]
pub(crate) enum OtlpError {
    #[error("`headers` are `NAME=VALUE` with commas in between, and number {0} is not")]
    Header(usize),
}

impl OtlpHttp {
    pub(crate) fn new(
        endpoint: &str,
        headers: Option<&Secret<String>>,
        http: Http,
    ) -> Result<Self, OtlpError> {
        let texts = headers
            .iter()
            .flat_map(|headers| headers.expose().split(','));
        let headers = texts
            .enumerate()
            .map(|(index, text)| header(text).ok_or(OtlpError::Header(index + 1)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            url: format!("{endpoint}/v1/traces"),
            headers,
            http,
        })
    }

    async fn post(&self, body: Vec<u8>) -> Result<(), CollectorError> {
        let mut post = Request::post(self.url.clone(), body, TIMEOUT);
        for (name, value) in &self.headers {
            post = post.with(name.clone(), value.clone());
        }
        let reply = self.http.fetch(post).await;
        let reply = reply.map_err(|error| CollectorError(error.to_string()))?;
        match reply.status {
            200..=299 => Ok(()),
            status => Err(CollectorError(format!("it answered HTTP {status}"))),
        }
    }
}

impl Collector for OtlpHttp {
    fn take(&self, body: Vec<u8>) -> BoxFuture<'_, Result<(), CollectorError>> {
        Box::pin(self.post(body))
    }
}

fn header(text: &str) -> Option<(String, Secret<String>)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    // What RFC 9110 calls a token, and what it lets a field's value be.
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let named = !name.is_empty() && name.bytes().all(is_token);
    let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    (named && value.bytes().all(printable)).then(|| (name.to_owned(), Secret::from(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_names_and_values() {
        let of = |text| OtlpHttp::new("http://c", Some(&Secret::from(text)), Http::new());
        let otlp = of("Authorization=Basic YWRh==, x-team = blue").unwrap();
        let headers = otlp.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.expose().as_str()));
        let expected = [("Authorization", "Basic YWRh=="), ("x-team", "blue")];
        assert!(headers.eq(expected));
        assert!(!format!("{:?}", otlp.headers).contains("YWRh"));
        for (text, number) in [("canary", 1), ("a=b,ca nary=c", 2), ("a=b,", 2)] {
            let Err(OtlpError::Header(found)) = of(text) else {
                panic!("{text}")
            };
            assert_eq!(found, number, "{text}");
        }
    }
}
