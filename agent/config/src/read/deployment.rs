//! `deployment:`

use rivetos_types::id::FleetId;

use crate::model::{Datahub, Deployment, Docker, Image, Local, PortRange, Target, Variant};
use crate::node::Value;

use super::field::Field;
use super::reader::Reader;
use super::section::Section;

/// Targets by the words for them.
const TARGETS: [(&str, Target); 2] = [("docker", Target::Docker), ("local", Target::Local)];
/// Targets that other versions know.
const LATER_TARGETS: [&str; 3] = ["kubernetes", "manual", "proxmox"];
/// Variants of the image by the words for them.
const VARIANTS: [(&str, Variant); 2] = [("slim", Variant::Slim), ("scratch", Variant::Scratch)];
/// The major version of Postgres when the file does not say.
const POSTGRES_DEFAULT: u32 = 17;
/// Major versions that pgvector's images exist for.
const POSTGRES_VERSIONS: std::ops::RangeInclusive<i128> = 13..=99;

/// `deployment:` and the fleet's name that it may hold.
pub(super) struct Read {
    pub(super) deployment: Deployment,
    pub(super) project: Option<FleetId>,
}

/// `deployment:`
pub(super) fn deployment(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Read> {
    if matches!(field.node.value, Value::Null) {
        return None;
    }
    let mut section = Section::open(reader, field)?;
    let target = section
        .required(reader, "target")
        .and_then(|field| field.choice(reader, &TARGETS, &LATER_TARGETS));
    let datahub_field = section.optional("datahub");
    let datahub = datahub_field
        .as_ref()
        .and_then(|field| datahub(reader, field));
    let image_field = section.optional("image");
    let image = image_field.as_ref().and_then(|field| image(reader, field));
    let docker_field = section.optional("docker");
    let docker = docker_field
        .as_ref()
        .and_then(|field| docker(reader, field));
    let local_field = section.optional("local");
    let local = local_field.as_ref().and_then(|field| local(reader, field));
    section.finish(reader);
    let target = target?;
    let without_effect: &[Option<Field<'_>>] = match target {
        Target::Docker => &[local_field],
        Target::Local => &[image_field, docker_field],
    };
    for field in without_effect.iter().flatten() {
        no_effect(reader, field, target);
    }
    if let (Target::Local, Some(field), Some(_)) = (target, &datahub_field, &datahub) {
        let hint = "remove it (agents keep their data in SQLite), or use `target: docker`";
        let message = "there is no datahub with `target: local`".to_owned();
        reader.problem(field.at, &field.path, message, Some(hint.to_owned()));
    }
    let (docker, project) = docker.unwrap_or_default();
    let deployment = Deployment {
        target,
        datahub,
        image: image.unwrap_or_default(),
        docker,
        local: local.unwrap_or_default(),
    };
    Some(Read {
        deployment,
        project,
    })
}

fn no_effect(reader: &mut Reader<'_>, field: &Field<'_>, target: Target) {
    let word = TARGETS
        .iter()
        .find(|(_, known)| *known == target)
        .map_or("", |(word, _)| word);
    let message = format!("this has no effect with `target: {word}`");
    reader.warning(field.at, &field.path, message, "remove it".to_owned());
}

fn datahub(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Datahub> {
    let mut section = Section::open(reader, field)?;
    let postgres = section
        .optional("postgres")
        .map(|field| field.boolean(reader));
    let version = section
        .optional("postgres_version")
        .map(|field| postgres_version(reader, &field));
    section.finish(reader);
    let wanted = postgres.unwrap_or(Some(true))?;
    let postgres_version = version.unwrap_or(Some(POSTGRES_DEFAULT))?;
    wanted.then_some(Datahub { postgres_version })
}

/// Written as a number or, because versions often are, in quotes.
fn postgres_version(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<u32> {
    if let Value::Text(text) = &field.node.value
        && let Ok(version) = text.parse::<u32>()
        && POSTGRES_VERSIONS.contains(&version.into())
    {
        return Some(version);
    }
    field.integer(reader, POSTGRES_VERSIONS)
}

fn image(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Image> {
    let mut section = Section::open(reader, field)?;
    let agent_image = section
        .optional("agent_image")
        .and_then(|f| repository(reader, &f));
    let tag = section
        .optional("tag")
        .and_then(|field| tag(reader, &field));
    let variant = section
        .optional("variant")
        .and_then(|f| f.choice(reader, &VARIANTS, &[]));
    let datahub_image = section
        .optional("datahub_image")
        .and_then(|f| reference(reader, &f));
    section.finish(reader);
    Some(Image {
        agent_image,
        tag,
        variant: variant.unwrap_or_default(),
        datahub_image,
    })
}

/// The name of an image with or without tag or digest.
fn reference(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let text = field.text(reader)?;
    let possible = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    if !text.chars().all(possible) || !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        field.problem(reader, "this is not the name of an image", None);
        return None;
    }
    Some(text)
}

/// The name of an image without tag.
fn repository(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let text = reference(reader, field)?;
    let last = text.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) {
        let hint = Some("write the tag as `deployment.image.tag`".to_owned());
        field.problem(reader, "this is the image's name without its tag", hint);
        return None;
    }
    Some(text)
}

fn tag(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let text = field.text(reader)?;
    let possible = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if text.len() > 128 || text.starts_with(['.', '-']) || !text.chars().all(possible) {
        let hint = "at most 128 letters, digits, `_`, `.` and `-`; not `.` or `-` first";
        field.problem(reader, "this is not a tag", Some(hint.to_owned()));
        return None;
    }
    Some(text)
}

fn docker(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<(Docker, Option<FleetId>)> {
    let mut section = Section::open(reader, field)?;
    let project = section
        .optional("project_name")
        .and_then(|field| field.name(reader));
    let host = section
        .optional("host")
        .and_then(|field| engine_address(reader, &field));
    let network = section
        .optional("network")
        .and_then(|field| network(reader, &field));
    let postgres_port: Option<u16> = section
        .optional("postgres_port")
        .and_then(|field| field.integer(reader, 0..=u16::MAX.into()));
    section.finish(reader);
    let postgres_port = postgres_port.filter(|port| *port != 0);
    Some((
        Docker {
            host,
            network,
            postgres_port,
        },
        project,
    ))
}

fn engine_address(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let text = field.text(reader)?;
    let known = ["unix://", "tcp://"].iter().any(|scheme| {
        text.strip_prefix(scheme)
            .is_some_and(|rest| !rest.is_empty())
    });
    if !known {
        let hint = "for example unix:///var/run/docker.sock or tcp://127.0.0.1:2375";
        field.problem(
            reader,
            "an engine's address starts with unix:// or tcp://",
            Some(hint.to_owned()),
        );
        return None;
    }
    Some(text)
}

fn network(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let text = field.text(reader)?;
    let possible = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || !text.chars().all(possible) {
        let hint = "letters, digits, `_`, `.` and `-`; a letter or digit first";
        field.problem(
            reader,
            "this is not the name of a network",
            Some(hint.to_owned()),
        );
        return None;
    }
    Some(text)
}

fn local(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Local> {
    let mut section = Section::open(reader, field)?;
    let port_range = section
        .optional("port_range")
        .and_then(|field| port_range(reader, &field));
    section.finish(reader);
    Some(Local {
        port_range: port_range.unwrap_or_default(),
    })
}

fn port_range(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<PortRange> {
    let text = field.text(reader)?;
    let range = text.split_once('-').and_then(|(first, last)| {
        let range = PortRange {
            first: first.trim().parse().ok()?,
            last: last.trim().parse().ok()?,
        };
        (range.first > 0 && range.first <= range.last).then_some(range)
    });
    if range.is_none() {
        let message = format!("{} is not a range of ports", field.written(&text));
        field.problem(reader, message, Some("for example 43100-43199".to_owned()));
    }
    range
}
