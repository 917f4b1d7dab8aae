//! A container's log, line by line.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bollard::container::LogOutput;
use bollard::errors::Error;
use futures_util::Stream;
use rivetos_fleet::model::ResourceId;
use rivetos_fleet::port::AccessError;

use crate::error::said;

/// The longest line, in bytes; a longer one comes in pieces.
const LINE_BYTES_MAX: usize = 256 * 1024;

/// The lines of a node's log, without line breaks, standard output and standard error mingled as
/// they came.
pub struct LogLines {
    node: ResourceId,
    source: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>,
    splitter: Splitter,
    ended: bool,
}

impl LogLines {
    pub(super) fn new(
        node: ResourceId,
        source: impl Stream<Item = Result<LogOutput, Error>> + Send + 'static,
    ) -> Self {
        Self {
            node,
            source: Box::pin(source),
            splitter: Splitter::default(),
            ended: false,
        }
    }
}

impl Stream for LogLines {
    type Item = Result<String, AccessError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(line) = self.splitter.complete.pop_front() {
                return Poll::Ready(Some(Ok(line)));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(self.source.as_mut().poll_next(cx)) {
                Some(Ok(LogOutput::StdErr { message })) => self.splitter.feed(1, &message),
                Some(Ok(
                    LogOutput::StdOut { message }
                    | LogOutput::Console { message }
                    | LogOutput::StdIn { message },
                )) => self.splitter.feed(0, &message),
                Some(Err(error)) => {
                    self.ended = true;
                    let node = self.node.clone();
                    let cause = said(&error);
                    return Poll::Ready(Some(Err(AccessError::Unreachable { node, cause })));
                }
                None => {
                    self.ended = true;
                    self.splitter.finish();
                }
            }
        }
    }
}

impl std::fmt::Debug for LogLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogLines")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// Cuts two mingled streams into lines.
#[derive(Default)]
struct Splitter {
    begun: [Vec<u8>; 2],
    complete: VecDeque<String>,
}

impl Splitter {
    fn feed(&mut self, stream: usize, chunk: &[u8]) {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let begun = &mut self.begun[stream];
            begun.extend_from_slice(piece);
            if piece.ends_with(b"\n") || begun.len() >= LINE_BYTES_MAX {
                self.close(stream);
            }
        }
    }

    fn close(&mut self, stream: usize) {
        let line = std::mem::take(&mut self.begun[stream]);
        let text = String::from_utf8_lossy(&line);
        self.complete
            .push_back(text.trim_end_matches(['\r', '\n']).to_owned());
    }

    fn finish(&mut self) {
        for stream in 0..self.begun.len() {
            if !self.begun[stream].is_empty() {
                self.close(stream);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Splitter;

    #[test]
    fn lines_of_two_streams_do_not_mix() {
        let mut splitter = Splitter::default();
        splitter.feed(0, b"one\ntw");
        splitter.feed(1, b"error\r\n");
        splitter.feed(0, b"o\nthree");
        splitter.finish();
        let lines: Vec<String> = splitter.complete.into();
        assert_eq!(lines, ["one", "error", "two", "three"]);
    }
}
