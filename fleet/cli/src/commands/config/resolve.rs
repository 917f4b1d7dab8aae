//! What the file leaves to be decided, filled in.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use rivetos_config::{Agent, Config, Deployment, Image, Provider, Resources, Target, Tls, Variant};
use rivetos_fleet::model::Limits;
use rivetos_fleet::{AGENT_LIMITS, DATAHUB_LIMITS};
use rivetos_protocol::DEFAULT_PORT;
use rivetos_provider_docker::{EngineAddress, TlsFiles};

use crate::commands::version::{COMMIT, VERSION};
use crate::fleet::engine;

/// `config` with every default that does not depend on what a target says.
pub(super) fn resolved(mut config: Config) -> Config {
    let channel = &mut config.channels.agent;
    channel.host.get_or_insert(IpAddr::V4(Ipv4Addr::LOCALHOST));
    channel.port.get_or_insert(DEFAULT_PORT);
    for agent in config.agents.values_mut() {
        fill_agent(agent, &config.providers, config.deployment.as_ref());
    }
    if let Some(deployment) = &mut config.deployment {
        let on_docker = |agent: &Agent| agent.deploy.target == Some(Target::Docker);
        if config.agents.values().any(on_docker) {
            let docker = &mut deployment.docker;
            if docker.host.is_none() {
                let EngineAddress { host, tls } = engine::of_environment();
                docker.host = Some(host);
                docker.tls = tls.map(|TlsFiles { ca, cert, key }| Tls { ca, cert, key });
            }
            docker
                .network
                .get_or_insert_with(|| config.fleet.to_string());
            docker.resources = fill_resources(docker.resources, defaults(AGENT_LIMITS));
            let version = deployment.datahub.as_mut().map(|datahub| {
                let ours = defaults(DATAHUB_LIMITS);
                datahub.resources = fill_resources(datahub.resources, ours);
                datahub.postgres_version
            });
            fill_image(&mut deployment.image, version);
        }
    }
    config
}

fn fill_agent(
    agent: &mut Agent,
    providers: &BTreeMap<String, Provider>,
    deployment: Option<&Deployment>,
) {
    if let Some(provider) = providers.get(&agent.provider) {
        agent.model.get_or_insert_with(|| provider.model.clone());
    }
    let Some(deployment) = deployment else {
        return;
    };
    let deploy = &mut agent.deploy;
    match *deploy.target.get_or_insert(deployment.target) {
        Target::Docker => {
            let fleets = fill_resources(deployment.docker.resources, defaults(AGENT_LIMITS));
            deploy.resources = fill_resources(deploy.resources, fleets);
        }
        Target::Local => {}
    }
}

fn defaults(limits: Limits) -> Resources {
    Resources {
        memory_bytes: limits.memory_bytes,
        milli_cpus: limits.milli_cpus,
        pids: limits.pids,
    }
}

fn fill_resources(resources: Resources, default: Resources) -> Resources {
    Resources {
        memory_bytes: resources.memory_bytes.or(default.memory_bytes),
        milli_cpus: resources.milli_cpus.or(default.milli_cpus),
        pids: resources.pids.or(default.pids),
    }
}

fn fill_image(image: &mut Image, postgres_version: Option<u32>) {
    let suffix = match image.variant {
        Variant::Slim => "",
        Variant::Scratch => "-scratch",
    };
    image
        .agent_image
        .get_or_insert_with(|| "rivetos-agent".to_owned());
    image
        .tag
        .get_or_insert_with(|| format!("{VERSION}-{COMMIT}{suffix}"));
    if let Some(version) = postgres_version {
        image
            .datahub_image
            .get_or_insert_with(|| format!("pgvector/pgvector:pg{version}"));
    }
}
