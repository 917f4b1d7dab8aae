//! Secrets do not leave through text.
//!
//! [`Redactor`] replaces what it knows to be a secret, and what has the well-known shape of a key,
//! by a note that says what was there. It never guesses from how random something looks: text
//! that is no key stays as it is.

mod pieces;
mod shapes;

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use rivetos_types::secret::Secret;

pub use pieces::Pieces;

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
        let Scan { clean, kept, .. } = self.scan(text, 0, Rest::Nothing);
        if kept == 0 {
            return Cow::Borrowed(text);
        }
        Cow::Owned(clean + &text[kept..])
    }

    fn scan(&self, text: &str, from: usize, rest: Rest) -> Scan {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        scan(&known, text, from, rest)
    }
}

/// Looks at `text` behind `from`, up to where a secret may begin that ends in what follows.
fn scan(known: &[Secret<String>], text: &str, from: usize, rest: Rest) -> Scan {
    let mut clean = String::new();
    let (mut kept, mut bounded, mut at) = (from, 0, from);
    while at < text.len() {
        if rest == Rest::Follows && is_open(known, (text, bounded), at) {
            break;
        }
        match found(known, (text, bounded), at) {
            Some((start, end, note)) => {
                // What leads to the secret, such as a name before its password, may hold another.
                let lead = &text[at..start];
                let inner = scan(known, lead, 0, Rest::Nothing);
                clean.push_str(&text[kept..at]);
                clean.extend([&inner.clean, &lead[inner.kept..], note]);
                (kept, bounded, at) = (end, end, end);
            }
            None => at = text.ceil_char_boundary(at + 1),
        }
    }
    Scan {
        clean,
        kept,
        end: at,
    }
}

/// Whether a text goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Follows,
    Nothing,
}

/// What was looked at.
struct Scan {
    /// The text up to `kept`, without secrets.
    clean: String,
    /// Behind the last secret that was taken out.
    kept: usize,
    /// How far the text is known.
    end: usize,
}

/// Whether more text could make a secret, or a longer one, of what begins at `at`.
fn is_open(known: &[Secret<String>], (text, bounded): (&str, usize), at: usize) -> bool {
    let rest = &text[at..];
    let mut known = known.iter().map(|secret| secret.expose().as_str());
    known.any(|secret| secret.len() > rest.len() && secret.starts_with(rest))
        || shapes::is_open(text, bounded, at)
}

/// The secret that begins at `at` of a text of which a word may begin at `bounded`: where it
/// begins and ends, and what stands for it.
fn found(
    known: &[Secret<String>],
    (text, bounded): (&str, usize),
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
    let shape = shapes::shape_at(text, bounded, at);
    // Whichever hides more: a known secret may be the beginning of a longer key.
    [known, shape]
        .into_iter()
        .flatten()
        .max_by_key(|found| found.1)
}
