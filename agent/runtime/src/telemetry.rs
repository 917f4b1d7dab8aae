//! Where the time of turns goes, for a collector of traces: OTLP/HTTP in JSON.
//!
//! A turn is a trace, its requests to models and its tool calls are spans of it. They say how long
//! something took and how it ended, never what was said. Nothing waits for the collector: what it
//! does not take in time is lost, and counted.

mod encode;
mod exporter;
mod trace;

use rivetos_types::BoxFuture;
use thiserror::Error;

pub(crate) use encode::Source;
pub(crate) use exporter::Exporter;
pub(crate) use trace::{OpenSpan, SpanEnd, Trace};

/// What takes traces.
pub trait Collector: Send + Sync {
    /// Takes an `ExportTraceServiceRequest` in JSON. Dropping the future gives it up.
    fn take(&self, body: Vec<u8>) -> BoxFuture<'_, Result<(), CollectorError>>;
}

/// Why traces were not taken, in words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CollectorError {
    /// Another attempt may help.
    #[error("{0}")]
    Transient(String),
    /// The same request is never taken.
    #[error("{0}")]
    Refused(String),
}
