//! Text that comes in pieces.

use super::{Redactor, Rest, Scan};

/// What is held back at most, in bytes: longer than any key.
const HELD_BYTES_MAX: usize = 16 * 1024;

/// A text that is shown while it grows. What is given out, put together, is the redacted text: the
/// end is held back only while it may be the beginning of a secret.
#[derive(Debug, Default)]
pub struct Pieces {
    /// What is held back, behind the last character that was given out: a key begins where a word
    /// does.
    text: String,
    /// Where it begins in `text`.
    from: usize,
}

impl Pieces {
    /// Takes more of the text. Returns what may be shown now.
    pub fn push(&mut self, redactor: &Redactor, piece: &str) -> String {
        self.text.push_str(piece);
        let rest = if self.text.len() - self.from > HELD_BYTES_MAX {
            Rest::Nothing
        } else {
            Rest::Follows
        };
        self.give(redactor, rest)
    }

    /// The text is over. Returns what was held back.
    pub fn end(&mut self, redactor: &Redactor) -> String {
        let last = self.give(redactor, Rest::Nothing);
        *self = Self::default();
        last
    }

    fn give(&mut self, redactor: &Redactor, rest: Rest) -> String {
        let Scan { clean, kept, end } = redactor.scan(&self.text, self.from, rest);
        let given = clean + &self.text[kept..end];
        // Behind a note a key may begin, whatever was there.
        let behind_note = kept == end && kept > self.from;
        let context = match self.text[..end].chars().next_back() {
            Some(last) if !behind_note => last.len_utf8(),
            Some(_) | None => 0,
        };
        self.text.drain(..end - context);
        self.from = context;
        given
    }
}
