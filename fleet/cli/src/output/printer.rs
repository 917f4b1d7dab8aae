//! The two streams.

use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::{Failure, StreamLine, Style};

/// The shape of the data on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON document with a `schema_version`, or one object per line where things happen.
    Json,
}

/// Writes to both streams. A reader that went away is not an error of ours: what cannot be
/// written is dropped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    format: Format,
    out: Style,
    err: Style,
    /// Whether standard error is a terminal that can draw.
    live: bool,
}

#[expect(
    clippy::unused_self,
    reason = "the streams are written through a printer only"
)]
impl Printer {
    /// A printer for this process's streams; `colour` is whether the person wants it at all.
    pub(crate) fn new(format: Format, colour: bool) -> Self {
        let style = |terminal: bool| {
            if colour && terminal {
                Style::Ansi
            } else {
                Style::Plain
            }
        };
        Self {
            format,
            out: style(io::stdout().is_terminal()),
            err: style(io::stderr().is_terminal()),
            live: format == Format::Text
                && io::stderr().is_terminal()
                && env::var_os("TERM").is_some_and(|term| term != "dumb"),
        }
    }

    /// The shape that was asked for.
    pub(crate) fn format(self) -> Format {
        self.format
    }

    /// The mark-up of standard output.
    pub(crate) fn out(self) -> Style {
        self.out
    }

    /// The mark-up of standard error.
    pub(crate) fn err(self) -> Style {
        self.err
    }

    /// Whether things under way are drawn again and again on standard error.
    pub(crate) fn is_live(self) -> bool {
        self.live
    }

    /// One line of data.
    pub(crate) fn data(self, line: impl Display) {
        let _ = writeln!(io::stdout().lock(), "{line}");
    }

    /// A piece of data without a line break, shown at once.
    pub(crate) fn piece(self, text: impl Display) {
        let mut out = io::stdout().lock();
        let _ = write!(out, "{text}");
        let _ = out.flush();
    }

    /// The JSON document of a command.
    pub(crate) fn json(self, document: &impl Serialize) {
        let mut out = io::stdout().lock();
        if serde_json::to_writer_pretty(&mut out, document).is_ok() {
            let _ = writeln!(out);
        }
    }

    /// One line of a stream of JSON objects.
    pub(crate) fn line(self, line: &StreamLine) {
        let mut out = io::stdout().lock();
        if let Ok(text) = serde_json::to_string(line) {
            let _ = writeln!(out, "{text}");
        }
    }

    /// What a board wants to be written.
    pub(crate) fn draw(self, text: &str) {
        let mut err = io::stderr().lock();
        let _ = err.write_all(text.as_bytes());
        let _ = err.flush();
    }

    /// One line of talk.
    pub(crate) fn talk(self, line: impl Display) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// A question; the answer follows on the same line.
    pub(crate) fn ask(self, question: impl Display) {
        let mut err = io::stderr().lock();
        let _ = write!(err, "{question} ");
        let _ = err.flush();
    }

    /// A failure with its causes and hints, once; for programs on standard output too.
    pub(crate) fn failure(self, failure: &Failure) {
        self.talk(failure.text(self.err));
        match self.format {
            Format::Text => {}
            Format::Json => self.line(&StreamLine::error(failure)),
        }
    }
}
