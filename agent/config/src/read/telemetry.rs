//! `telemetry:`

use crate::model::{Otlp, Telemetry};

use super::field::Field;
use super::provider::base_url;
use super::reader::Reader;
use super::section::Section;

/// `telemetry:`
pub(super) fn telemetry(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Telemetry> {
    let mut section = Section::open(reader, field)?;
    let otlp = section
        .optional("otlp")
        .and_then(|field| otlp(reader, &field));
    section.finish(reader);
    Some(Telemetry { otlp })
}

fn otlp(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Otlp> {
    let mut section = Section::open(reader, field)?;
    let endpoint = section
        .required(reader, "endpoint")
        .and_then(|field| base_url(reader, &field, ("http://127.0.0.1:4318", "headers")));
    let headers = section
        .optional("headers")
        .and_then(|field| field.secret(reader));
    section.finish(reader);
    Some(Otlp {
        endpoint: endpoint?,
        headers,
    })
}
