//! Output that is bounded while it is produced.

use std::collections::VecDeque;

/// Room for the lines that this tool adds itself, in bytes.
const NOTES_BYTES: usize = 160;

/// Keeps the beginning and the end of what a command says; the middle is only counted.
#[derive(Debug)]
pub(crate) struct Capture {
    half_bytes_max: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    dropped_bytes: usize,
}

impl Capture {
    /// For an answer of at most `output_bytes_max` bytes.
    pub(crate) fn new(output_bytes_max: usize) -> Self {
        let half_bytes_max = output_bytes_max.saturating_sub(NOTES_BYTES) / 2;
        Self {
            half_bytes_max,
            head: Vec::new(),
            tail: VecDeque::new(),
            dropped_bytes: 0,
        }
    }

    /// Takes more output.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.half_bytes_max - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(self.half_bytes_max);
        self.tail.drain(..over);
        self.dropped_bytes += over;
    }

    /// The output, what was left out of it, and `note` as its last line.
    pub(crate) fn finish(mut self, note: &str) -> String {
        let mut text = if self.dropped_bytes == 0 {
            self.head.extend(&self.tail);
            let text = String::from_utf8_lossy(&self.head);
            // What is no UTF-8 becomes longer than it was.
            text[..text.floor_char_boundary(2 * self.half_bytes_max)].to_owned()
        } else {
            let head = String::from_utf8_lossy(&self.head);
            let tail = String::from_utf8_lossy(self.tail.make_contiguous());
            // A character that the cut went through is in neither half.
            let head = &head[..head.floor_char_boundary(self.half_bytes_max)];
            let tail =
                &tail[tail.ceil_char_boundary(tail.len().saturating_sub(self.half_bytes_max))..];
            let head = head.trim_end_matches(char::REPLACEMENT_CHARACTER);
            let tail = tail.trim_start_matches(char::REPLACEMENT_CHARACTER);
            format!("{head}\n[{} bytes left out]\n{tail}", self.dropped_bytes)
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(note);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(pieces: &[&str], max: usize) -> String {
        let mut capture = Capture::new(max);
        for piece in pieces {
            capture.push(piece.as_bytes());
        }
        capture.finish("[end]")
    }

    #[test]
    fn short_output_is_whole() {
        assert_eq!(capture(&[], 500), "[end]");
        assert_eq!(capture(&["a\nb"], 500), "a\nb\n[end]");
        assert_eq!(
            capture(&[&"x".repeat(200), &"y".repeat(140)], 500).len(),
            340 + 6
        );
    }

    #[test]
    fn long_output_keeps_both_ends() {
        let text = capture(&["begin ", &"ä".repeat(50_000), " finish"], 500);
        assert!(text.len() <= 500, "{}", text.len());
        assert!(
            text.starts_with("begin ä") && text.ends_with("ä finish\n[end]"),
            "{text}"
        );
        assert!(
            text.contains("bytes left out]") && !text.contains('\u{fffd}'),
            "{text}"
        );
    }

    #[test]
    fn bytes_that_are_no_text_stay_within_the_limit() {
        for length in [100, 330, 5000] {
            let mut capture = Capture::new(500);
            capture.push(&vec![0xff; length]);
            let text = capture.finish("[end]");
            assert!(text.len() <= 500, "{length}: {}", text.len());
        }
    }
}
