//! `deployment.docker`

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use rivetos_types::id::{FleetId, HostName};

use crate::model::{Docker, DockerHost, Tls};

use super::deploy::resources;
use super::field::Field;
use super::reader::Reader;
use super::section::Section;

/// How an engine is reached.
#[derive(Clone, Copy)]
enum Scheme {
    Tcp,
    Other,
    /// The address cannot be used, which was reported.
    Unclear,
}

impl Scheme {
    fn of(address: &str) -> Self {
        if address.starts_with("tcp://") {
            Self::Tcp
        } else {
            Self::Other
        }
    }
}

/// What `deployment.docker` says.
#[derive(Default)]
pub(super) struct Read {
    pub(super) docker: Docker,
    /// `project_name`, which may name the fleet.
    pub(super) project: Option<FleetId>,
    /// The names of `hosts`, so that a mistake in one does not look like an absent one.
    pub(super) hosts: BTreeSet<String>,
}

/// `deployment.docker`
pub(super) fn docker(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Read> {
    let mut section = Section::open(reader, field)?;
    let project = section
        .optional("project_name")
        .and_then(|field| field.name(reader));
    let host_field = section.optional("host");
    let host = host_field
        .as_ref()
        .and_then(|field| engine_address(reader, field));
    let scheme = match (&host_field, &host) {
        // Tls without an address of the file's own says nothing about whose it is.
        (None, _) => Scheme::Other,
        (Some(_), None) => Scheme::Unclear,
        (Some(_), Some(address)) => Scheme::of(address),
    };
    let tls = section
        .optional("tls")
        .and_then(|field| tls(reader, &field, scheme));
    let (names, hosts) = section
        .optional("hosts")
        .and_then(|field| hosts(reader, &field))
        .unwrap_or_default();
    let network = section
        .optional("network")
        .and_then(|field| network(reader, &field));
    let postgres_port: Option<u16> = section
        .optional("postgres_port")
        .and_then(|field| field.integer(reader, 0..=u16::MAX.into()));
    let resources = section
        .optional("resources")
        .and_then(|field| resources(reader, &field));
    section.finish(reader);
    Some(Read {
        docker: Docker {
            host,
            tls,
            hosts,
            network,
            postgres_port: postgres_port.filter(|port| *port != 0),
            resources: resources.unwrap_or_default(),
        },
        project,
        hosts: names,
    })
}

/// `deployment.docker.hosts`, and the names that are there.
fn hosts(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
) -> Option<(BTreeSet<String>, BTreeMap<HostName, DockerHost>)> {
    let mut names = BTreeSet::new();
    let mut hosts = BTreeMap::new();
    for (key, field) in Section::open(reader, field)?.entries() {
        names.insert(key.name.clone());
        let name = HostName::from_str(&key.name).map_err(|error| {
            reader.problem(key.at, &field.path, error.to_string(), None);
        });
        if let (Ok(name), Some(host)) = (name, docker_host(reader, &field)) {
            hosts.insert(name, host);
        }
    }
    Some((names, hosts))
}

fn docker_host(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<DockerHost> {
    let mut section = Section::open(reader, field)?;
    let host = section
        .required(reader, "host")
        .and_then(|field| engine_address(reader, &field));
    let tls = section.optional("tls").and_then(|field| {
        let scheme = host.as_deref().map_or(Scheme::Unclear, Scheme::of);
        tls(reader, &field, scheme)
    });
    section.finish(reader);
    Some(DockerHost { host: host?, tls })
}

fn tls(reader: &mut Reader<'_>, field: &Field<'_>, scheme: Scheme) -> Option<Tls> {
    let tls = tls_files(reader, field);
    match scheme {
        Scheme::Tcp | Scheme::Unclear => {}
        Scheme::Other => {
            let hint = Some("remove it, or write `host: tcp://…`".to_owned());
            reader.problem(
                field.at,
                &field.path,
                "this is for an address of tcp:// only".to_owned(),
                hint,
            );
        }
    }
    tls
}

/// The three files of one side of TLS.
pub(super) fn tls_files(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Tls> {
    let mut section = Section::open(reader, field)?;
    let mut path = |key| {
        section
            .required(reader, key)
            .and_then(|field| field.file_path(reader))
    };
    let (ca, cert, key) = (path("ca"), path("cert"), path("key"));
    section.finish(reader);
    Some(Tls {
        ca: ca?,
        cert: cert?,
        key: key?,
    })
}

/// An engine's address.
fn engine_address(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let text = field.text(reader)?;
    let rest = |scheme| {
        text.strip_prefix(scheme)
            .filter(|rest: &&str| !rest.is_empty())
    };
    if rest("unix://").or_else(|| rest("tcp://")).is_some() {
        return Some(text);
    }
    let Some(place) = rest("ssh://") else {
        let hint = "for example unix:///var/run/docker.sock, tcp://127.0.0.1:2375 or \
                    ssh://operator@nas";
        let message = "an engine's address starts with unix://, tcp:// or ssh://";
        field.problem(reader, message, Some(hint.to_owned()));
        return None;
    };
    if !is_ssh_place(place) {
        let hint = Some("for example ssh://operator@nas or ssh://nas:2222".to_owned());
        field.problem(reader, "this is not an address for ssh", hint);
        return None;
    }
    Some(text)
}

/// Whether `place` is `[user@]host[:port]`. It becomes an argument of `ssh`, so neither part may
/// look like an option.
fn is_ssh_place(place: &str) -> bool {
    let (user, host) = match place.split_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, place),
    };
    let (host, port) = host.split_once(':').unwrap_or((host, "22"));
    let sound = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    user.is_none_or(sound) && sound(host) && port.parse::<u16>().is_ok_and(|port| port > 0)
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
