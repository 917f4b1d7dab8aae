//! Secrets do not leave through text.
//!
//! [`Redactor`] replaces what it knows to be a secret, and what has the well-known shape of a key,
//! by a note that says what was there. It never guesses from how random something looks: text
//! that is no key stays as it is.

mod shapes;

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use rivetos_types::secret::Secret;

/// A shorter secret is a word that ordinary text may hold, in bytes.
const KNOWN_BYTES_MIN: usize = 8;

/// The most secrets that are known; the one learnt first is forgotten.
const KNOWN_MAX: usize = 64;

const KNOWN: &str = "[redacted: secret of this agent]";

/// What must not be seen. Shared by everything that writes text for others.
#[derive(Debug, Default)]
pub struct Redactor {
    known: RwLock<Vec<Secret<String>>>,
}

impl Redactor {
    /// From now on `secret` is not let through. One of less than 8 bytes is not looked for: it
    /// would take ordinary words with it.
    pub fn learn(&self, secret: &Secret<String>) {
        if secret.expose().len() < KNOWN_BYTES_MIN {
            return;
        }
        let is_known = |known: &[Secret<String>]| known.contains(secret);
        if is_known(&self.known.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if !is_known(&known) {
            if known.len() >= KNOWN_MAX {
                known.remove(0);
            }
            known.push(secret.clone());
        }
    }

    /// The text without secrets; the text itself when there are none.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut clean = String::new();
        let (mut kept, mut at) = (0, 0);
        while at < text.len() {
            match found(&known, (text, kept), at) {
                Some((start, end, note)) => {
                    clean.push_str(&text[kept..start]);
                    clean.push_str(note);
                    (kept, at) = (end, end);
                }
                None => at = text.ceil_char_boundary(at + 1),
            }
        }
        if kept == 0 {
            return Cow::Borrowed(text);
        }
        clean.push_str(&text[kept..]);
        Cow::Owned(clean)
    }
}

/// The secret that begins at `at` of a text which is kept from `kept` on: where it begins and
/// ends, and what stands for it.
fn found(
    known: &[Secret<String>],
    (text, kept): (&str, usize),
    at: usize,
) -> Option<(usize, usize, &'static str)> {
    let rest = &text[at..];
    let longest = known
        .iter()
        .map(|secret| secret.expose().as_str())
        .filter(|secret| rest.starts_with(secret))
        .map(str::len)
        .max();
    let known = longest.map(|bytes| (at, at + bytes, KNOWN));
    let shape = shapes::shape_at(text, kept, at);
    // Whichever hides more: a known secret may be the beginning of a longer key.
    [known, shape]
        .into_iter()
        .flatten()
        .max_by_key(|found| found.1)
}
