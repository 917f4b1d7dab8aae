//! A body of lines, an object of JSON each.

/// The longest line that is accepted, in bytes.
const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A line is longer than anybody expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Turns bytes, split anywhere, into lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    line: Vec<u8>,
}

impl Lines {
    /// Takes bytes up to the end of a line and gives it; `None` when it goes on.
    pub(crate) fn push(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, TooLong> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (more, rest) = match end {
            Some(end) => (&bytes[..end], &bytes[end + 1..]),
            None => (*bytes, &[][..]),
        };
        if self.line.len() + more.len() > LINE_BYTES_MAX {
            return Err(TooLong);
        }
        self.line.extend_from_slice(more);
        *bytes = rest;
        Ok(end.map(|_| self.rest()))
    }

    /// What has come since the last end of a line.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.line)
    }
}
