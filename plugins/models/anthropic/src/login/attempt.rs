//! Getting the first tokens.

use data_encoding::BASE64URL_NOPAD;
use rivetos_http::Http;
use rivetos_types::secret::Secret;
use rivetos_types::settings::OAuth;
use sha2::{Digest, Sha256};

use super::exchange::{Grant, exchange};
use super::file::{Draft, Lock};
use super::{LoginError, file};

/// Of the verifier and the state, before they are written in letters.
const RANDOM_BYTES: usize = 32;

/// One attempt to log in: a person agrees at [`Attempt::url`] and brings back an answer.
pub struct Attempt {
    oauth: OAuth,
    verifier: Secret<String>,
    state: String,
    url: String,
}

impl Attempt {
    /// A new attempt, with secrets of its own.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(oauth: OAuth) -> Result<Self, LoginError> {
        let verifier = Secret::new(random()?);
        let state = random()?;
        let digest = Sha256::digest(verifier.expose().as_bytes());
        let challenge = BASE64URL_NOPAD.encode(&digest);
        let scopes = oauth.scopes.join(" ");
        let query = [
            ("response_type", "code"),
            ("client_id", &oauth.client_id),
            ("redirect_uri", &oauth.redirect_url),
            ("scope", &scopes),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", &state),
        ];
        let query = query.map(|(name, value)| format!("{name}={}", escaped(value)));
        let url = format!("{}?{}", oauth.authorize_url, query.join("&"));
        Ok(Self {
            oauth,
            verifier,
            state,
            url,
        })
    }

    /// Where the person agrees.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes what the person brings back, `CODE#STATE` or the whole address with `code` and
    /// `state` in it, and puts the tokens into the token file.
    ///
    /// # Errors
    /// It is no answer to this attempt, the server does not agree, or the file cannot be written.
    pub async fn finish(self, answer: &str, http: &Http) -> Result<(), LoginError> {
        let (code, state) = parts(answer.trim()).ok_or(LoginError::OtherAnswer)?;
        if code.is_empty() || !Secret::new(self.state.clone()).matches(state.as_bytes()) {
            return Err(LoginError::OtherAnswer);
        }
        let path = &self.oauth.token_file;
        file::make_folder(path)?;
        let _lock = Lock::take(path).await?;
        let draft = Draft::new(path)?;
        let grant = Grant::Code {
            code: &code,
            state: &state,
            verifier: &self.verifier,
        };
        let tokens = exchange(&self.oauth, http, grant).await?;
        draft.keep(&tokens)
    }
}

fn random() -> Result<String, LoginError> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| LoginError::NoRandomness)?;
    Ok(BASE64URL_NOPAD.encode(&bytes))
}

/// Code and state of an answer.
fn parts(answer: &str) -> Option<(String, String)> {
    let Some((_, query)) = answer.split_once('?') else {
        let (code, state) = answer.split_once('#')?;
        return Some((code.to_owned(), state.to_owned()));
    };
    let query = query.split('#').next().unwrap_or_default();
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(key, _)| *key == name)?;
        unescaped(value)
    };
    Some((value("code")?, value("state")?))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.push_str(&data_encoding::HEXUPPER.encode(&[byte]));
        }
    }
    escaped
}

fn unescaped(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_an_answer_are_understood() {
        let both = Some(("a/b".to_owned(), "s".to_owned()));
        assert_eq!(parts("a/b#s"), both);
        assert_eq!(
            parts("http://localhost:1/back?state=s&code=a%2Fb&x=1#top"),
            both
        );
        assert_eq!(parts("https://one.example/back?code=a"), None);
        assert_eq!(parts("http://localhost:1/back?code=a%2&state=s"), None);
        assert_eq!(parts("a"), None);
    }

    #[test]
    fn addresses_are_escaped() {
        assert_eq!(escaped("user:a b/ä~"), "user%3Aa%20b%2F%C3%A4~");
    }
}
