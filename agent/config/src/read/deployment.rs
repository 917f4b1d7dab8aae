//! `deployment:`

use std::collections::BTreeSet;

use rivetos_types::id::FleetId;

use crate::model::{Deployment, Local, PortRange, Target};
use crate::node::Value;

use super::datahub::datahub;
use super::deploy::Places;
use super::docker::docker;
use super::field::Field;
use super::image::image;
use super::reader::Reader;
use super::section::Section;

/// Targets by the words for them.
pub(super) const TARGETS: [(&str, Target); 2] =
    [("docker", Target::Docker), ("local", Target::Local)];
/// Targets that other versions know.
pub(super) const LATER_TARGETS: [&str; 3] = ["kubernetes", "manual", "proxmox"];
/// What `deployment:` says.
pub(super) struct Read<'n> {
    /// `None` when it cannot be used.
    pub(super) deployment: Option<Deployment>,
    /// The fleet's name that it may hold.
    pub(super) project: Option<FleetId>,
    /// What agents can choose from.
    pub(super) places: Places,
    /// Its parts that only make sense when there is an agent for them.
    parts: Vec<(Target, Part, Field<'n>)>,
}

/// A part of the section that is for one target.
enum Part {
    /// Has no effect on another one.
    Settings,
    /// Cannot be had on another one.
    Datahub,
}

/// `deployment:`
pub(super) fn deployment<'n>(reader: &mut Reader<'_>, field: &Field<'n>) -> Option<Read<'n>> {
    if matches!(field.node.value, Value::Null) {
        return None;
    }
    let mut section = Section::open(reader, field)?;
    let target = section
        .required(reader, "target")
        .and_then(|field| field.choice(reader, &TARGETS, &LATER_TARGETS));
    let mut parts = Vec::new();
    let datahub = section.optional("datahub").and_then(|field| {
        let datahub = datahub(reader, &field);
        if datahub.is_some() {
            parts.push((Target::Docker, Part::Datahub, field));
        }
        datahub
    });
    let image = section.optional("image").and_then(|field| {
        let image = image(reader, &field);
        parts.push((Target::Docker, Part::Settings, field));
        image
    });
    let docker = section.optional("docker").and_then(|field| {
        let docker = docker(reader, &field);
        parts.push((Target::Docker, Part::Settings, field));
        docker
    });
    let local = section.optional("local").and_then(|field| {
        let local = local(reader, &field);
        parts.push((Target::Local, Part::Settings, field));
        local
    });
    section.finish(reader);
    let docker = docker.unwrap_or_default();
    let deployment = target.map(|target| Deployment {
        target,
        datahub,
        image: image.unwrap_or_default(),
        docker: docker.docker,
        local: local.unwrap_or_default(),
    });
    Some(Read {
        deployment,
        project: docker.project,
        places: Places {
            target,
            hosts: docker.hosts,
        },
        parts,
    })
}

impl Read<'_> {
    /// Reports the parts that are for none of the `targets` that agents are on.
    pub(super) fn without_effect(&self, reader: &mut Reader<'_>, targets: &BTreeSet<Target>) {
        let Some(target) = self.places.target else {
            return;
        };
        let word = word(target);
        for (only, part, field) in &self.parts {
            if *only == target || targets.contains(only) {
                continue;
            }
            match part {
                Part::Settings => {
                    let message = format!("this has no effect with `target: {word}`");
                    reader.warning(field.at, &field.path, message, "remove it".to_owned());
                }
                Part::Datahub => {
                    let hint =
                        "remove it (agents keep their data in SQLite), or use `target: docker`";
                    let message = format!("there is no datahub with `target: {word}`");
                    reader.problem(field.at, &field.path, message, Some(hint.to_owned()));
                }
            }
        }
    }
}

/// The word for `target`.
pub(super) fn word(target: Target) -> &'static str {
    TARGETS
        .iter()
        .find(|(_, known)| *known == target)
        .map_or("", |(word, _)| word)
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
