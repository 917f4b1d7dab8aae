//! `deployment:` and `agents.<name>.deploy`

use rivetos_types::id::HostName;

use crate::model::{
    Datahub, Deploy, Deployment, Docker, Image, PortRange, Resources, Target, Tls, Variant,
};

use super::{Map, quoted};

/// The units of an amount of memory, the largest first.
const UNITS: [(u32, &str); 4] = [(40, "t"), (30, "g"), (20, "m"), (10, "k")];

pub(super) fn deployment(deployment: &Deployment) -> Map {
    let mut map = Map::default();
    map.scalar("target", &word(deployment.target));
    if let Some(one) = &deployment.datahub {
        map.map("datahub", datahub(one));
    }
    map.map("image", image(&deployment.image));
    map.map("docker", docker(&deployment.docker));
    map.map("local", local(deployment));
    map
}

pub(super) fn deploy(deploy: &Deploy) -> Map {
    let mut map = Map::default();
    map.optional_scalar("target", deploy.target.map(word));
    map.optional_text("host", deploy.host.as_ref().map(HostName::as_str));
    map.map("resources", resources(&deploy.resources));
    map.optional_text("image", deploy.image.as_deref());
    map.flag("protect", deploy.protect);
    map
}

fn word(target: Target) -> &'static str {
    match target {
        Target::Docker => "docker",
        Target::Local => "local",
    }
}

fn datahub(datahub: &Datahub) -> Map {
    let mut map = Map::default();
    map.scalar("postgres", &true);
    map.scalar("postgres_version", &datahub.postgres_version);
    map.flag("protect", datahub.protect);
    map.map("resources", resources(&datahub.resources));
    if let Some(address) = &datahub.address {
        map.text("address", &address.place());
        if address.host.parse() != Ok(address.bind) {
            map.text("bind", &address.bind.to_string());
        }
        map.map("tls", tls(Some(&address.tls)));
    }
    map
}

fn image(image: &Image) -> Map {
    let mut map = Map::default();
    map.optional_text("registry", image.registry.as_deref());
    map.optional_text("agent_image", image.agent_image.as_deref());
    map.optional_text("tag", image.tag.as_deref());
    match image.variant {
        Variant::Slim => {}
        Variant::Scratch => map.scalar("variant", &"scratch"),
    }
    map.optional_text("datahub_image", image.datahub_image.as_deref());
    map
}

fn docker(docker: &Docker) -> Map {
    let mut map = Map::default();
    map.optional_text("host", docker.host.as_deref());
    map.map("tls", tls(docker.tls.as_ref()));
    let mut hosts = Map::default();
    for (name, host) in &docker.hosts {
        let mut one = Map::default();
        one.text("host", &host.host);
        one.map("tls", tls(host.tls.as_ref()));
        hosts.map(&quoted(name.as_str()), one);
    }
    map.map("hosts", hosts);
    map.optional_text("network", docker.network.as_deref());
    map.optional_scalar("postgres_port", docker.postgres_port);
    map.map("resources", resources(&docker.resources));
    map
}

fn tls(tls: Option<&Tls>) -> Map {
    let mut map = Map::default();
    if let Some(tls) = tls {
        map.path("ca", Some(&tls.ca));
        map.path("cert", Some(&tls.cert));
        map.path("key", Some(&tls.key));
    }
    map
}

fn resources(resources: &Resources) -> Map {
    let mut map = Map::default();
    map.optional_scalar("memory", resources.memory_bytes.map(memory));
    map.optional_scalar("cpus", resources.milli_cpus.map(cpus));
    map.optional_scalar("pids", resources.pids);
    map
}

/// In the largest unit that it is a multiple of.
fn memory(bytes: u64) -> String {
    UNITS
        .iter()
        .find(|(bits, _)| bytes > 0 && bytes.trailing_zeros() >= *bits)
        .map_or_else(
            || bytes.to_string(),
            |(bits, unit)| format!("{}{unit}", bytes >> bits),
        )
}

fn cpus(milli: u32) -> String {
    let text = format!("{}.{:03}", milli / 1000, milli % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Nothing where it would have no effect.
fn local(deployment: &Deployment) -> Map {
    let mut map = Map::default();
    let range = deployment.local.port_range;
    let PortRange { first, last } = range;
    if range != PortRange::default() || deployment.target == Target::Local {
        map.text("port_range", &format!("{first}-{last}"));
    }
    map
}
