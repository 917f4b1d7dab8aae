//! A body of lines, an object of JSON each.

use std::borrow::Cow;

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
    pub(crate) fn push<'a>(
        &mut self,
        bytes: &mut &'a [u8],
    ) -> Result<Option<Cow<'a, [u8]>>, TooLong> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (more, rest) = match end {
            Some(end) => (&bytes[..end], &bytes[end + 1..]),
            None => (*bytes, &[][..]),
        };
        if self.line.len() + more.len() > LINE_BYTES_MAX {
            return Err(TooLong);
        }
        *bytes = rest;
        if self.line.is_empty() && end.is_some() {
            return Ok(Some(Cow::Borrowed(more)));
        }
        self.line.extend_from_slice(more);
        Ok(end.map(|_| Cow::Owned(self.rest())))
    }

    /// A line was read; what it stood in is used again.
    pub(crate) fn done(&mut self, line: Cow<'_, [u8]>) {
        if let Cow::Owned(mut line) = line {
            line.clear();
            self.line = line;
        }
    }

    /// What has come since the last end of a line.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.line)
    }
}
