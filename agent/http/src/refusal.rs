//! What an endpoint says instead of an answer.

use rivetos_types::secret::Secret;
use serde_json::Value;

/// The most of a vendor's message that is kept, in characters.
const MESSAGE_CHARS_MAX: usize = 500;

/// An answer that is none: another status than 200, or another media type than was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// How long the vendor asks to wait, in milliseconds. Only seconds and milliseconds are read,
    /// no dates.
    pub retry_after_ms: Option<u64>,
    /// The vendor's name of the request.
    pub request_id: Option<String>,
    /// What it says, without the secrets of the request.
    pub body: Vec<u8>,
}

impl Refusal {
    /// A refusal without headers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            body: body.into(),
            ..Self::default()
        }
    }

    /// The body, if it is JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether another try may help: overloaded, rate limited, too early, or the vendor's fault.
    pub fn may_pass(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500..=599)
    }

    /// What the vendor said, or the whole body, with what names the case to the vendor's support.
    pub fn message(&self, said: Option<&str>, code: Option<&str>) -> String {
        let body = String::from_utf8_lossy(&self.body);
        let said = words(said.unwrap_or_else(|| body.trim()));
        let status = self.status;
        // Some vendors have no code of their own and repeat the status.
        let code = code.filter(|code| *code != status.to_string());
        let code = code.map(|code| format!(", `{}`", words(code)));
        let id = self.request_id.as_deref();
        let id = id.map(|id| format!(", request {}", words(id)));
        let (code, id) = (code.unwrap_or_default(), id.unwrap_or_default());
        if said.is_empty() {
            format!("the endpoint answered HTTP {status}{code}{id}")
        } else {
            format!("{said} (HTTP {status}{code}{id})")
        }
    }
}

/// A vendor's words, shortened, and without keys, also where the vendor has masked one in part.
pub fn words(said: &str) -> String {
    let words = said.split(' ').map(|word| {
        let key = word.starts_with("sk-") || word.contains("***");
        if key { "***" } else { word }
    });
    let said = words.collect::<Vec<_>>().join(" ");
    match said.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &said[..end]),
        None => said,
    }
}

/// A text in which no secret of the request is repeated.
pub(crate) fn without(secrets: &[Secret<String>], text: &str) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        let secret = secret.expose();
        if !secret.is_empty() && text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), "***");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_status_code_and_request() {
        let mut refusal = Refusal::new(429, " slow \n");
        assert_eq!(refusal.message(None, None), "slow (HTTP 429)");
        refusal.request_id = Some("req_1".into());
        let message = refusal.message(Some("later"), Some("rate_limit_error"));
        assert_eq!(
            message,
            "later (HTTP 429, `rate_limit_error`, request req_1)"
        );
        let empty = Refusal::new(302, "").message(None, None);
        assert_eq!(empty, "the endpoint answered HTTP 302");
    }

    #[test]
    fn long_words_are_cut() {
        let long = words(&"ä".repeat(5000));
        assert_eq!(
            long.chars().filter(|c| *c == 'ä').count(),
            MESSAGE_CHARS_MAX
        );
    }

    #[test]
    fn keys_are_not_repeated() {
        assert_eq!(words("key sk-abcd is wrong"), "key *** is wrong");
        assert_eq!(words("key ab****yz is wrong"), "key *** is wrong");
        let secrets = ["", "canary"].map(Secret::from);
        assert_eq!(without(&secrets, "a canary sings"), "a *** sings");
    }
}
