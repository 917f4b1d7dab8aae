//! The two ends of a program in a container as one byte stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bollard::container::LogOutput;
use bollard::errors::Error;
use bytes::{Buf, Bytes};
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most that is kept of what the bridge complains about, in bytes.
const COMPLAINT_BYTES_MAX: usize = 4096;

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;
type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// A byte stream to a node's loopback port, authenticated as the operator's.
///
/// When the bridge in the container ends without having delivered a byte, reading fails with what
/// it wrote to its standard error. Dropping the stream ends the bridge.
pub struct NodeStream {
    output: Output,
    input: Input,
    unread: Bytes,
    complaint: Vec<u8>,
    delivered: Delivered,
}

/// Whether the other end ever sent anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivered {
    Nothing,
    Something,
}

impl NodeStream {
    pub(super) fn new(output: Output, input: Input) -> Self {
        Self {
            output,
            input,
            unread: Bytes::new(),
            complaint: Vec::new(),
            delivered: Delivered::Nothing,
        }
    }

    fn keep_complaint(&mut self, text: &[u8]) {
        let room = COMPLAINT_BYTES_MAX.saturating_sub(self.complaint.len());
        self.complaint
            .extend_from_slice(&text[..text.len().min(room)]);
    }

    fn end(&self) -> io::Result<()> {
        if self.delivered == Delivered::Something || self.complaint.is_empty() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&self.complaint).trim().to_owned();
        Err(io::Error::new(io::ErrorKind::ConnectionRefused, text))
    }
}

impl AsyncRead for NodeStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(self.output.as_mut().poll_next(cx)) {
                None => return Poll::Ready(self.end()),
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                Some(Ok(LogOutput::StdErr { message })) => self.keep_complaint(&message),
                Some(Ok(
                    LogOutput::StdOut { message }
                    | LogOutput::Console { message }
                    | LogOutput::StdIn { message },
                )) => {
                    self.delivered = Delivered::Something;
                    self.unread = message;
                }
            }
        }
        let size = self.unread.len().min(buf.remaining());
        buf.put_slice(&self.unread[..size]);
        self.unread.advance(size);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for NodeStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.input.as_mut().poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input.as_mut().poll_shutdown(cx)
    }
}

impl std::fmt::Debug for NodeStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeStream")
            .field("delivered", &self.delivered)
            .finish_non_exhaustive()
    }
}
