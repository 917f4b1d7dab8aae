//! Logs on standard error; every line begins with its time, and none holds a secret.

use std::io::{self, Write};
use std::sync::Arc;

use rivetos_core::redact::Redactor;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Starts logging as the environment says; `info` and text when it says nothing.
pub(crate) fn start(redactor: Arc<Redactor>) {
    let level = std::env::var("RIVETOS_LOG_LEVEL").ok();
    let parsed = level.as_deref().map(str::parse::<LevelFilter>);
    let filter = parsed
        .clone()
        .and_then(Result::ok)
        .unwrap_or(LevelFilter::INFO);
    let builder = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_target(false)
        .with_ansi(false)
        .with_writer(Clean(redactor));
    let format = std::env::var("RIVETOS_LOG_FORMAT").ok();
    let subscriber: Box<dyn tracing::Subscriber + Send + Sync> = match format.as_deref() {
        Some("json") => {
            let json = builder.json().flatten_event(true).with_span_list(false);
            Box::new(json.finish())
        }
        Some(_) | None => Box::new(builder.finish()),
    };
    // It fails only when a subscriber is there already.
    let _ = tracing::subscriber::set_global_default(subscriber);
    if let Some(Err(_)) = parsed {
        tracing::warn!("RIVETOS_LOG_LEVEL is none of error, warn, info, debug, trace; using info");
    }
    if !matches!(format.as_deref(), None | Some("json" | "pretty")) {
        tracing::warn!("RIVETOS_LOG_FORMAT is none of json, pretty; using pretty");
    }
}

/// Standard error, without secrets.
struct Clean(Arc<Redactor>);

impl<'a> MakeWriter<'a> for Clean {
    type Writer = CleanLines<'a, io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        CleanLines {
            redactor: &self.0,
            to: io::stderr(),
        }
    }
}

/// Takes whole lines, as the subscriber gives them.
struct CleanLines<'a, W> {
    redactor: &'a Redactor,
    to: W,
}

impl<W: Write> Write for CleanLines<'_, W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.to.write_all(self.redactor.redact(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use rivetos_types::secret::Secret;

    use super::*;

    #[test]
    fn a_line_has_no_secret() {
        let redactor = Redactor::default();
        redactor.learn(&Secret::from("canary-4711"));
        let mut lines = CleanLines {
            redactor: &redactor,
            to: Vec::new(),
        };
        lines
            .write_all(b"the key canary-4711 was refused\n")
            .unwrap();
        let written = String::from_utf8(lines.to).unwrap();
        let expected = "the key [redacted: secret of this agent] was refused\n";
        assert_eq!(written, expected);
    }
}
