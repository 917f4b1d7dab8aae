//! Shows a reply as it comes: its text on standard output, what happens meanwhile on standard
//! error.

use rivetos_protocol::{MessageReply, Outcome, StreamFrame};
use serde::Serialize;

use crate::output::{Format, Printer};

/// What was shown of one reply.
pub(crate) struct View {
    printer: Printer,
    shown: String,
}

#[derive(Serialize)]
struct ReplyReport<'a> {
    schema_version: u32,
    reply: &'a MessageReply,
}

impl View {
    /// Nothing was shown yet.
    pub(crate) fn new(printer: Printer) -> Self {
        Self {
            printer,
            shown: String::new(),
        }
    }

    /// Shows what `frame` adds.
    pub(crate) fn frame(&mut self, frame: &StreamFrame) {
        match frame {
            StreamFrame::Text { text } => self.text(text),
            StreamFrame::Snapshot { text } => self.replace(text),
            StreamFrame::ToolStart { name, summary } => {
                self.aside(&format!("· {name} {summary}"));
            }
            StreamFrame::ToolEnd {
                name,
                ok: false,
                summary,
            } => {
                self.aside(&format!("· {name} failed: {summary}"));
            }
            StreamFrame::Asked {
                call,
                tool,
                arguments,
            } => self.aside(&format!(
                "may {tool} {arguments} run? /approve {call} or /deny {call}"
            )),
            StreamFrame::Status { text } => self.aside(text),
            StreamFrame::Accepted { .. }
            | StreamFrame::Reasoning { .. }
            | StreamFrame::ToolEnd { ok: true, .. }
            | StreamFrame::Done { .. } => {}
        }
    }

    /// Shows a line beside the reply.
    pub(crate) fn aside(&mut self, line: &str) {
        self.end_line();
        let line = line.replace(['\n', '\r'], " ");
        self.printer.talk(self.printer.err().dim(line));
    }

    /// Ends the reply.
    pub(crate) fn done(&mut self, reply: &MessageReply) {
        match self.printer.format() {
            Format::Json => self.printer.json(&ReplyReport {
                schema_version: 1,
                reply,
            }),
            Format::Text => {
                self.replace(&reply.response);
                self.end_line();
            }
        }
        for file in &reply.attachments {
            let (name, kind, bytes) = (&file.name, &file.media_type, file.bytes);
            let path = &file.path;
            self.aside(&format!(
                "file {name}: {kind}, {bytes} bytes, {path} in the agent's workspace"
            ));
        }
        let style = self.printer.err();
        let reason = reply.reason.as_deref().unwrap_or("no reason given");
        match reply.outcome {
            Outcome::Completed | Outcome::Command => {}
            Outcome::Interrupted => self.printer.talk(style.dim("stopped")),
            Outcome::LimitReached => self.printer.talk(style.yellow(format!("ended: {reason}"))),
            Outcome::Failed => self
                .printer
                .talk(style.red(format!("the turn failed: {reason}"))),
        }
    }

    fn text(&mut self, text: &str) {
        if self.printer.format() == Format::Text {
            self.printer.piece(text);
        }
        self.shown.push_str(text);
    }

    /// Makes what is shown end with `text`, without repeating what is there already.
    fn replace(&mut self, text: &str) {
        match text.strip_prefix(self.shown.as_str()) {
            Some(rest) => {
                let rest = rest.to_owned();
                self.text(&rest);
            }
            // A final reply is trimmed, or is only the last part of what was said between tools.
            None if self.shown.trim_end().ends_with(text.trim_end()) => {}
            None => {
                self.end_line();
                self.shown.clear();
                self.text(text);
            }
        }
    }

    fn end_line(&mut self) {
        if !self.shown.is_empty() && !self.shown.ends_with('\n') {
            self.text("\n");
        }
    }
}
