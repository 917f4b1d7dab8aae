//! `channels:` and `memory:`

use std::net::IpAddr;

use crate::model::{AgentChannel, Channels, Memory, Sqlite};

use super::field::Field;
use super::reader::Reader;
use super::section::Section;

/// `channels:`
pub(super) fn channels(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Channels> {
    let mut section = Section::open(reader, field)?;
    let agent = section
        .optional("agent")
        .and_then(|field| agent_channel(reader, &field));
    section.finish(reader);
    Some(Channels {
        agent: agent.unwrap_or_default(),
    })
}

fn agent_channel(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<AgentChannel> {
    let mut section = Section::open(reader, field)?;
    let host = section
        .optional("host")
        .and_then(|field| ip_address(reader, &field));
    let port = section
        .optional("port")
        .and_then(|f| f.integer(reader, 1..=u16::MAX.into()));
    let secret = section
        .optional("secret")
        .and_then(|field| field.secret(reader));
    section.finish(reader);
    Some(AgentChannel { host, port, secret })
}

pub(super) fn ip_address(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<IpAddr> {
    let text = field.text(reader)?;
    let address = text.parse().ok();
    if address.is_none() {
        let message = format!("{} is not an IP address", field.written(&text));
        field.problem(
            reader,
            message,
            Some("for example 127.0.0.1 or 0.0.0.0".to_owned()),
        );
    }
    address
}

/// `memory:`
pub(super) fn memory(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Memory> {
    let mut section = Section::open(reader, field)?;
    let sqlite = section
        .optional("sqlite")
        .and_then(|field| sqlite(reader, &field));
    section.finish(reader);
    Some(Memory {
        sqlite: sqlite.unwrap_or_default(),
    })
}

fn sqlite(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Sqlite> {
    let mut section = Section::open(reader, field)?;
    let path = section
        .optional("path")
        .and_then(|field| field.file_path(reader));
    section.finish(reader);
    Some(Sqlite { path })
}
