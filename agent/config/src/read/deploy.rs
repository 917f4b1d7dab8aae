//! `agents.<name>.deploy`, and what a container may use.

use std::collections::BTreeSet;

use rivetos_types::id::HostName;

use crate::model::{Deploy, Resources, Target};
use crate::node::Value;
use crate::problem::nearest;

use super::deployment::{LATER_TARGETS, TARGETS, word};
use super::field::Field;
use super::image::reference;
use super::reader::Reader;
use super::section::Section;

/// The least memory of a container in bytes: an engine refuses less.
const MEMORY_MIN: u64 = 6 << 20;
/// The most that can be asked for.
const MEMORY_MAX: u64 = 1 << 50;
/// The least and most processors; an engine refuses less.
const CPUS: std::ops::RangeInclusive<f64> = 0.01..=4096.0;
/// The least and most processes and threads: an agent has a few threads of its own, and Linux
/// knows no more.
const PIDS: std::ops::RangeInclusive<i128> = 32..=4_194_304;
/// Units of memory by the words for them, as powers of two.
const UNITS: [(&str, u32); 4] = [("k", 10), ("m", 20), ("g", 30), ("t", 40)];

/// Where agents can be.
pub(super) struct Places {
    /// `deployment.target`; `None` when it cannot be used.
    pub(super) target: Option<Target>,
    /// The names of `deployment.docker.hosts`.
    pub(super) hosts: BTreeSet<String>,
}

/// `agents.<name>.deploy`; without `places` there is nothing to compare it with.
pub(super) fn deploy(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    places: Option<&Places>,
) -> Option<Deploy> {
    let mut section = Section::open(reader, field)?;
    let target_field = section.optional("target");
    let target = target_field
        .as_ref()
        .and_then(|field| field.choice(reader, &TARGETS, &LATER_TARGETS));
    let host_field = section.optional("host");
    let host: Option<HostName> = host_field.as_ref().and_then(|field| field.name(reader));
    let resources_field = section.optional("resources");
    let used = resources_field
        .as_ref()
        .and_then(|field| resources(reader, field));
    let image_field = section.optional("image");
    let image = image_field
        .as_ref()
        .and_then(|field| reference(reader, field));
    let protect = section
        .optional("protect")
        .and_then(|field| field.boolean(reader));
    section.finish(reader);
    let Some(places) = places else {
        let message = "this has no effect without `deployment`".to_owned();
        reader.warning(field.at, &field.path, message, "remove it".to_owned());
        return None;
    };
    let on = match target_field {
        Some(_) => target,
        None => places.target,
    };
    match on {
        Some(Target::Local) => {
            for field in [&host_field, &resources_field, &image_field]
                .into_iter()
                .flatten()
            {
                let message = format!(
                    "this is not possible with `target: {}`",
                    word(Target::Local)
                );
                let hint = "remove it, or write `target: docker` beside it".to_owned();
                reader.problem(field.at, &field.path, message, Some(hint));
            }
        }
        Some(Target::Docker) => {
            if let (Some(field), Some(host)) = (&host_field, &host) {
                known_host(reader, field, host, &places.hosts);
            }
        }
        None => {}
    }
    Some(Deploy {
        target,
        host,
        resources: used.unwrap_or_default(),
        image,
        protect: protect.unwrap_or_default(),
    })
}

fn known_host(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    host: &HostName,
    hosts: &BTreeSet<String>,
) {
    if hosts.contains(host.as_str()) {
        return;
    }
    let message = format!(
        "{} is not one of `deployment.docker.hosts`",
        field.written(host.as_str())
    );
    let known: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let there_are = known.join(", ");
    let hint = match nearest(host.as_str(), known) {
        Some(near) => format!("did you mean `{near}`? There are: {there_are}"),
        None if hosts.is_empty() => {
            format!("there are none: write `{host}: {{host: ssh://…}}` there")
        }
        None => format!("there are: {there_are}"),
    };
    field.problem(reader, message, Some(hint));
}

/// `resources`
pub(super) fn resources(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Resources> {
    let mut section = Section::open(reader, field)?;
    let memory_bytes = section
        .optional("memory")
        .and_then(|field| memory(reader, &field));
    let cpus = section
        .optional("cpus")
        .and_then(|field| field.number(reader, CPUS));
    let pids = section
        .optional("pids")
        .and_then(|field| field.integer(reader, PIDS));
    section.finish(reader);
    Some(Resources {
        memory_bytes,
        milli_cpus: cpus.map(milli),
        pids,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range of processors is small and positive"
)]
fn milli(cpus: f64) -> u32 {
    (cpus * 1000.0).round() as u32
}

/// An amount of memory: bytes, or a number with a unit.
fn memory(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<u64> {
    let bytes = match &field.node.value {
        Value::Integer(bytes) => u64::try_from(*bytes).ok(),
        Value::Text(_) => {
            let text = field.text(reader)?;
            let bytes = amount(&text);
            if bytes.is_none() {
                let message = format!("{} is not an amount of memory", field.written(&text));
                field.problem(reader, message, Some("for example 512m or 2g".to_owned()));
                return None;
            }
            bytes
        }
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
            let hint = Some("for example 512m or 2g".to_owned());
            field.wrong_type(reader, "an amount of memory", hint);
            return None;
        }
    };
    let bytes = bytes.filter(|bytes| (MEMORY_MIN..=MEMORY_MAX).contains(bytes));
    if bytes.is_none() {
        field.problem(
            reader,
            "the memory of a container is between 6m and 1024t",
            None,
        );
    }
    bytes
}

/// `text` in bytes; more than can be counted is the most that can be.
fn amount(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit
        .strip_suffix("ib")
        .or_else(|| unit.strip_suffix('b'))
        .unwrap_or(unit);
    let bits = match unit {
        "" => 0,
        unit => UNITS.iter().find(|(word, _)| *word == unit)?.1,
    };
    let number: u64 = number.parse().ok()?;
    Some(number.saturating_mul(1 << bits))
}
