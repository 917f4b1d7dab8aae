//! Spans as OTLP has them in JSON: ids in hexadecimal, 64-bit numbers as texts.

use data_encoding::HEXLOWER;
use rivetos_core::redact::Redactor;
use serde_json::{Value, json};

use super::trace::{Attribute, Span, SpanEnd, SpanKind};

/// Whose spans these are.
pub(crate) struct Source {
    pub(crate) agent: String,
    pub(crate) version: String,
}

/// An `ExportTraceServiceRequest`. No text of it holds a secret that the agent knows.
pub(super) fn encode(source: &Source, redactor: &Redactor, spans: &[Span]) -> Vec<u8> {
    let text = |key: &str, value: &str| {
        let value = redactor.redact(value);
        json!({ "key": key, "value": { "stringValue": value } })
    };
    let attribute = |(key, value): &(&str, Attribute)| match value {
        Attribute::Text(value) => text(key, value),
        Attribute::Number(value) => {
            json!({ "key": key, "value": { "intValue": value.to_string() } })
        }
    };
    let span = |span: &Span| {
        let attributes = span.attributes.iter().map(attribute);
        let end = text("rivetos.end", word(span.end));
        let mut told = json!({
            "traceId": HEXLOWER.encode(&span.trace),
            "spanId": HEXLOWER.encode(&span.id),
            "name": redactor.redact(&span.name),
            "kind": kind(span.kind),
            "startTimeUnixNano": span.start_unix_nanos.to_string(),
            "endTimeUnixNano": span.end_unix_nanos.to_string(),
            "attributes": attributes.chain([end]).collect::<Vec<_>>(),
            "status": status(span.end),
        });
        if let Some(parent) = &span.parent {
            told["parentSpanId"] = HEXLOWER.encode(parent).into();
        }
        told
    };
    let resource = [
        text("service.name", "rivetos-agent"),
        text("service.version", &source.version),
        text("service.instance.id", &source.agent),
    ];
    let request = json!({
        "resourceSpans": [{
            "resource": { "attributes": resource },
            "scopeSpans": [{
                "scope": { "name": "rivetos", "version": source.version },
                "spans": spans.iter().map(span).collect::<Vec<_>>(),
            }],
        }],
    });
    request.to_string().into_bytes()
}

fn word(end: SpanEnd) -> &'static str {
    match end {
        SpanEnd::Ok => "ok",
        SpanEnd::Failed => "failed",
        SpanEnd::Stopped => "stopped",
    }
}

/// `SPAN_KIND_INTERNAL` and `SPAN_KIND_CLIENT`.
fn kind(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Client => 3,
    }
}

/// `STATUS_CODE_ERROR`, or unset.
fn status(end: SpanEnd) -> Value {
    match end {
        SpanEnd::Ok | SpanEnd::Stopped => json!({}),
        SpanEnd::Failed => json!({ "code": 2 }),
    }
}
