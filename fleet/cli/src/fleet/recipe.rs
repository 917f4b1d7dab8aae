//! What a build wants to know of the fleet's file.

use std::path::Path;

use rivetos_config::{Config, HostName, Image, Target};
use rivetos_fleet::model::TargetId;
use rivetos_provider_docker::EngineAddress;

use super::file::{FleetFile, Secrets};
use super::{engine, locate};
use crate::output::{Failure, Printer};
use crate::settings::Globals;

/// What is built for a fleet.
pub(crate) struct Recipe {
    /// Where its agents run that have no target of their own.
    pub(crate) target: Target,
    /// What its agents are made of.
    pub(crate) products: Vec<Product>,
    /// `deployment.image`
    pub(crate) image: Image,
}

/// Something that agents are made of.
pub(crate) enum Product {
    /// The program, for this host.
    Program,
    /// The image, on this engine. Others get it from there when they want it.
    Image(EngineAddress),
}

impl Recipe {
    /// Of the fleet's file; `None` when no file was named and none is there.
    pub(crate) fn read(globals: &Globals, printer: Printer) -> Result<Option<Self>, Failure> {
        let Ok(file) = locate::locate(globals.config.as_deref(), &globals.home) else {
            return Ok(None);
        };
        let read = FleetFile::read(&file.path, Secrets::NotNeeded)?;
        read.warn(printer);
        let beside = file.path.parent().unwrap_or(Path::new("."));
        let config = read.config;
        Ok(config.deployment.as_ref().map(|deployment| Self {
            target: deployment.target,
            products: products(&config, deployment.target, |id| {
                engine::of(&deployment.docker, id, beside)
            }),
            image: deployment.image.clone(),
        }))
    }
}

/// What the agents of `config` are made of. A plan looks for the image where agents use it, so it
/// is built on the first such engine, in the order of plans.
fn products(
    config: &Config,
    target: Target,
    address: impl FnOnce(&TargetId) -> EngineAddress,
) -> Vec<Product> {
    let homes = config.agents.values().map(|agent| {
        let host = agent.deploy.host.as_ref().map(HostName::as_str);
        match agent.deploy.target.unwrap_or(target) {
            Target::Docker => (TargetId::docker(host), agent.deploy.image.is_none()),
            Target::Local => (TargetId::local(), true),
        }
    });
    let homes = homes.filter(|(_, uses_ours)| *uses_ours);
    let homes: Vec<TargetId> = homes.map(|(home, _)| home).collect();
    let on_engine = homes.iter().filter(|home| **home != TargetId::local());
    let image = on_engine.min().map(|home| Product::Image(address(home)));
    let program = homes.contains(&TargetId::local());
    program
        .then_some(Product::Program)
        .into_iter()
        .chain(image)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn products_of(deployment: &str, deploys: [&str; 2]) -> Vec<String> {
        let [ada, bob] = deploys;
        let text = format!(
            "agents: {{ada: {{provider: p, deploy: {ada}}}, bob: {{provider: p, deploy: {bob}}}}}\n\
             runtime: {{default_agent: ada}}\nproviders: {{p: {{kind: rehearsal}}}}\n\
             deployment: {deployment}\n"
        );
        let config = rivetos_config::parse(&text, "f", &BTreeMap::new());
        let config = config
            .unwrap_or_else(|problems| panic!("{problems}"))
            .config;
        let target = config.deployment.as_ref().unwrap().target;
        let all = products(&config, target, |id| EngineAddress::plain(id.as_str()));
        all.into_iter()
            .map(|product| match product {
                Product::Program => "program".to_owned(),
                Product::Image(address) => address.host,
            })
            .collect()
    }

    #[test]
    fn the_image_is_made_where_an_agent_uses_it() {
        let docker =
            "{target: docker, docker: {hosts: {lab: {host: ssh://l}, nas: {host: ssh://n}}}}";
        assert_eq!(products_of(docker, ["{}", "{host: nas}"]), ["docker"]);
        let hosts = ["{host: nas}", "{host: lab}"];
        assert_eq!(products_of(docker, hosts), ["docker/lab"]);
        let own = ["{image: a:1}", "{host: nas}"];
        assert_eq!(products_of(docker, own), ["docker/nas"]);
        let mixed = ["{target: local}", "{host: nas}"];
        assert_eq!(products_of(docker, mixed), ["program", "docker/nas"]);
        assert_eq!(products_of(docker, ["{image: a:1}"; 2]), [""; 0]);
        assert_eq!(products_of("{target: local}", ["{}"; 2]), ["program"]);
    }
}
