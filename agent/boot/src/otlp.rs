//! The way to a collector of traces.

use std::time::Duration;

use rivetos_http::{Http, HttpError, Request};
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
        answered(reply.map(|reply| reply.status))
    }
}

impl Collector for OtlpHttp {
    fn take(&self, body: Vec<u8>) -> BoxFuture<'_, Result<(), CollectorError>> {
        Box::pin(self.post(body))
    }
}

/// What may be sent again is said by the protocol.
/// <https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes>
fn answered(status: Result<u16, HttpError>) -> Result<(), CollectorError> {
    match status {
        Ok(200..=299) => Ok(()),
        Ok(status) => {
            let reason = format!("it answered HTTP {status}");
            Err(match status {
                429 | 502 | 503 | 504 => CollectorError::Transient(reason),
                _ => CollectorError::Refused(reason),
            })
        }
        Err(error @ (HttpError::Unreached { .. } | HttpError::BrokenOff(_))) => {
            Err(CollectorError::Transient(error.to_string()))
        }
        Err(error @ (HttpError::Unusable(_) | HttpError::TooLong)) => {
            Err(CollectorError::Refused(error.to_string()))
        }
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
    fn only_what_may_pass_is_sent_again() {
        assert_eq!(answered(Ok(204)), Ok(()));
        for status in [429, 502, 503, 504] {
            let failed = answered(Ok(status));
            assert!(
                matches!(failed, Err(CollectorError::Transient(_))),
                "{status}"
            );
        }
        for status in [301, 400, 401, 404, 413, 500] {
            let failed = answered(Ok(status));
            assert!(
                matches!(failed, Err(CollectorError::Refused(_))),
                "{status}"
            );
        }
        let gone = HttpError::BrokenOff("reset".to_owned());
        assert!(matches!(
            answered(Err(gone)),
            Err(CollectorError::Transient(_))
        ));
    }

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
