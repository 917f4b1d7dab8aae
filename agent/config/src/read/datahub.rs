//! `deployment.datahub`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use crate::model::{Datahub, DatahubAddress, Tls};
use crate::node::Value;

use super::channels::ip_address;
use super::deploy::resources;
use super::docker::tls_files;
use super::field::Field;
use super::reader::Reader;
use super::section::Section;

/// The major version of Postgres when the file does not say.
const POSTGRES_DEFAULT: u32 = 17;
/// Major versions that pgvector's images exist for.
const POSTGRES_VERSIONS: RangeInclusive<i128> = 13..=99;

/// The longest name of a host (RFC 1035 §2.3.4), in characters.
const HOST_CHARS_MAX: usize = 253;

/// `deployment.datahub`; `None` where there is to be none.
pub(super) fn datahub(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Datahub> {
    let mut section = Section::open(reader, field)?;
    let postgres = section
        .optional("postgres")
        .map(|field| field.boolean(reader));
    let version = section
        .optional("postgres_version")
        .map(|field| postgres_version(reader, &field));
    let protect = section
        .optional("protect")
        .and_then(|field| field.boolean(reader));
    let used = section
        .optional("resources")
        .and_then(|field| resources(reader, &field));
    let address = address(reader, &mut section);
    section.finish(reader);
    let wanted = postgres.unwrap_or(Some(true))?;
    let postgres_version = version.unwrap_or(Some(POSTGRES_DEFAULT))?;
    wanted.then_some(Datahub {
        postgres_version,
        protect: protect.unwrap_or_default(),
        resources: used.unwrap_or_default(),
        address,
    })
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

/// `address`, `bind` and `tls`, of which none is of use without the others.
fn address(reader: &mut Reader<'_>, section: &mut Section<'_>) -> Option<DatahubAddress> {
    let address = section.optional("address");
    let bind = section.optional("bind");
    let tls_field = section.optional("tls");
    let tls: Option<Tls> = tls_field
        .as_ref()
        .and_then(|field| tls_files(reader, field));
    let bound = bind.as_ref().and_then(|field| ip_address(reader, field));
    let Some(field) = address else {
        for alone in [&bind, &tls_field].into_iter().flatten() {
            let message = "this is for a datahub with an `address` only".to_owned();
            let hint = "remove it, or write `address: HOST:PORT`, which agents of other hosts use";
            reader.problem(alone.at, &alone.path, message, Some(hint.to_owned()));
        }
        return None;
    };
    if tls_field.is_none() {
        let message = "passwords would cross the network for everybody to read without `tls`";
        let hint = "add `tls: {ca: …, cert: …, key: …}` beside it";
        reader.problem(
            field.at,
            &field.path,
            message.to_owned(),
            Some(hint.to_owned()),
        );
    }
    let (host, port) = place(reader, &field)?;
    let bind = match (&bind, host.parse::<IpAddr>()) {
        (Some(field), _) => {
            warn_of_wide_bind(reader, field, bound?);
            bound?
        }
        (None, Ok(ip)) => {
            warn_of_wide_bind(reader, &field, ip);
            ip
        }
        (None, Err(_)) => {
            let message = "this is a name, and an engine publishes on an IP address".to_owned();
            let hint =
                "add `bind: IP` beside it, with the address of the engine's host to publish on";
            reader.problem(field.at, &field.path, message, Some(hint.to_owned()));
            return None;
        }
    };
    Some(DatahubAddress {
        host,
        port,
        bind,
        tls: tls?,
    })
}

/// `HOST:PORT`, where an IPv6 address stands in brackets.
fn place(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<(String, u16)> {
    let text = field.text(reader)?;
    let Some(place) = host_and_port(&text) else {
        let message = format!("{} is not of the form HOST:PORT", field.written(&text));
        let hint = "for example db.home.lan:5432, 192.168.1.5:5432 or [fd00::5]:5432";
        field.problem(reader, message, Some(hint.to_owned()));
        return None;
    };
    if place.0.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified()) {
        let hint = "write what agents connect to here, and this as `bind`";
        field.problem(
            reader,
            "nobody can connect to this address",
            Some(hint.to_owned()),
        );
        return None;
    }
    Some(place)
}

fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        let ip: Ipv6Addr = inner.parse().ok()?;
        return Some((ip.to_string(), port));
    }
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    // What ends in digits alone is meant as an IPv4 address and must be one.
    let numeric = host
        .rsplit('.')
        .next()
        .is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()));
    let possible = if numeric {
        host.parse::<Ipv4Addr>().is_ok()
    } else {
        host.len() <= HOST_CHARS_MAX && host.split('.').all(label)
    };
    possible.then(|| (host.to_owned(), port))
}

/// A wide door with a good lock: possible, and worth a word.
fn warn_of_wide_bind(reader: &mut Reader<'_>, field: &Field<'_>, bind: IpAddr) {
    let reach = if bind.is_unspecified() {
        "on every address of its host"
    } else if is_public(bind) {
        "to the whole internet"
    } else {
        return;
    };
    reader.warning(
        field.node.at,
        &field.path,
        format!("this publishes the datahub {reach}"),
        "name an address of the network that the agents' hosts are in".to_owned(),
    );
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            // RFC 6598, which the standard library does not tell yet.
            let [first, second, ..] = ip.octets();
            let shared = first == 100 && (64..128).contains(&second);
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared)
        }
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()),
    }
}
