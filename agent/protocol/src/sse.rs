//! Server-sent events, strictly by the WHATWG text, without I/O.
//!
//! Used in both directions: model vendors stream to agents, agents stream to the operator.

use thiserror::Error;

/// One dispatched event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// The `event:` field; `message` when there was none.
    pub event: String,
    /// The `data:` lines, joined by line feeds.
    pub data: String,
}

/// The longest event that is accepted, in bytes.
pub const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a stream of events is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SseError {
    /// One event is longer than [`EVENT_BYTES_MAX`].
    #[error("an event of the stream is longer than {EVENT_BYTES_MAX} bytes")]
    EventTooLong,
}

/// Turns bytes, split anywhere, into events. An event that the stream did not finish with an
/// empty line is never dispatched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoder {
    line: Vec<u8>,
    event: String,
    data: String,
    has_data: bool,
    after_cr: bool,
    past_first_line: bool,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more bytes and appends the events that they complete to `events`.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<(), SseError> {
        self.each(bytes, |event, data| {
            events.push(SseEvent {
                event: event.to_owned(),
                data: data.to_owned(),
            });
        })
    }

    /// Takes more bytes and calls `heard` with the name and the data of each event that they
    /// complete. Nothing is allocated for an event, as long as none is longer than those before.
    pub fn each(
        &mut self,
        bytes: &[u8],
        mut heard: impl FnMut(&str, &str),
    ) -> Result<(), SseError> {
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.fits(rest.len())?;
                self.line.extend_from_slice(rest);
                break;
            };
            self.fits(end)?;
            if self.line.is_empty() {
                self.end_line(&rest[..end], &mut heard);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&rest[..end]);
                self.end_line(&line, &mut heard);
                line.clear();
                self.line = line;
            }
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
        }
        Ok(())
    }

    fn fits(&self, bytes: usize) -> Result<(), SseError> {
        if self.line.len() + self.data.len() + bytes > EVENT_BYTES_MAX {
            return Err(SseError::EventTooLong);
        }
        Ok(())
    }

    fn end_line(&mut self, line: &[u8], heard: &mut impl FnMut(&str, &str)) {
        let mut text = line;
        if !std::mem::replace(&mut self.past_first_line, true) {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        if text.is_empty() {
            self.dispatch(heard);
        } else {
            self.field(text);
        }
    }

    fn field(&mut self, line: &[u8]) {
        let colon = line
            .iter()
            .position(|byte| *byte == b':')
            .unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                append(&mut self.data, value);
            }
            b"event" => {
                self.event.clear();
                append(&mut self.event, value);
            }
            // `id` and `retry` serve reconnecting readers, comments keep connections open.
            _ => {}
        }
    }

    fn dispatch(&mut self, heard: &mut impl FnMut(&str, &str)) {
        if std::mem::take(&mut self.has_data) {
            let event = match self.event.as_str() {
                "" => "message",
                event => event,
            };
            heard(event, &self.data);
        }
        self.event.clear();
        self.data.clear();
    }
}

/// Nearly every text is a valid one, which is found out faster than where it is not.
fn append(text: &mut String, bytes: &[u8]) {
    match str::from_utf8(bytes) {
        Ok(valid) => text.push_str(valid),
        Err(_) => text.push_str(&String::from_utf8_lossy(bytes)),
    }
}

/// The bytes of one event. `event` must be free of line breaks.
pub fn encode(event: &str, data: &str) -> String {
    let mut text = String::with_capacity(event.len() + data.len() + 24);
    text.push_str("event: ");
    text.push_str(event);
    text.push('\n');
    for line in data.split('\n') {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(chunks: &[&[u8]]) -> Vec<SseEvent> {
        let mut decoder = Decoder::new();
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.push(chunk, &mut events).unwrap();
        }
        events
    }

    fn event(event: &str, data: &str) -> SseEvent {
        SseEvent {
            event: event.into(),
            data: data.into(),
        }
    }

    const STREAM: &str = "\u{feff}: hello\nevent: text\ndata: {\"a\":1}\n\ndata:x\ndata\ndata: ä\n\
                          id: 7\n\nevent: empty\n\ndata: unfinished";

    #[test]
    fn fields_are_read_by_the_rules() {
        let expected = vec![event("text", "{\"a\":1}"), event("message", "x\n\nä")];
        assert_eq!(decode(&[STREAM.as_bytes()]), expected);
        let crlf = STREAM.replace('\n', "\r\n");
        assert_eq!(decode(&[crlf.as_bytes()]), expected);
        let cr = STREAM.replace('\n', "\r");
        assert_eq!(decode(&[cr.as_bytes()]), expected);
    }

    #[test]
    fn every_split_gives_the_same_events() {
        for text in [STREAM.to_owned(), STREAM.replace('\n', "\r\n")] {
            let whole = decode(&[text.as_bytes()]);
            for at in 0..text.len() {
                let (a, b) = text.as_bytes().split_at(at);
                assert_eq!(decode(&[a, b]), whole, "split at {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(name in "[a-z]{1,8}", data in "[^\r]*") {
            let text = encode(&name, &data);
            prop_assert_eq!(decode(&[text.as_bytes()]), vec![event(&name, &data)]);
        }

        #[test]
        fn no_bytes_break_the_decoder(chunks in prop::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let mut decoder = Decoder::new();
            let mut events = Vec::new();
            for chunk in &chunks {
                decoder.push(chunk, &mut events).unwrap();
            }
        }
    }
}
