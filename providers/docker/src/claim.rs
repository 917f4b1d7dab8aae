//! Claims: containers that never start and say of an object, whose labels cannot be changed, whose
//! it is or that it must stay.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, ContainerSummary, HostConfig, Mount, MountType};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
};
use rivetos_fleet::FleetId;
use rivetos_fleet::label::{self, Claim, Identity};
use rivetos_fleet::model::{Kind, Owner, ResourceId};
use rivetos_fleet::port::ApplyError;

use crate::DockerProvider;
use crate::error::{failed, found};
use crate::image::{EMPTY_IMAGE, ensure_empty_image};

/// Where a claim on a volume mounts it, so that whoever tidies up unused volumes spares it.
const PATH: &str = "/claimed";

/// The claims of a fleet on an engine.
#[derive(Debug, Default)]
pub(crate) struct Claims(Vec<Said>);

#[derive(Debug)]
struct Said {
    container: String,
    claim: Claim,
    /// How the engine calls the object that it is about.
    native: String,
    addr: String,
    uid: String,
}

/// What a new claim says.
pub(crate) struct About<'a> {
    pub(crate) claim: Claim,
    pub(crate) resource: &'a ResourceId,
    pub(crate) uid: &'a str,
    /// How the engine calls the object.
    pub(crate) native: &'a str,
}

/// Whether these labels are a claim's.
pub(crate) fn is_claim(labels: &HashMap<String, String>) -> bool {
    labels.contains_key(label::CLAIM)
}

impl Claims {
    /// Those among the containers of an engine.
    pub(crate) fn among(list: &[ContainerSummary], fleet: &FleetId) -> Self {
        let said = list.iter().filter_map(|summary| {
            let labels = summary.labels.as_ref()?;
            let ours = Identity::from_labels(labels, fleet).owner == Owner::Ours;
            ours.then_some(())?;
            Some(Said {
                container: summary.id.clone()?,
                claim: Claim::from_label(labels.get(label::CLAIM)?)?,
                native: labels.get(label::NATIVE)?.clone(),
                addr: labels.get(label::ADDR)?.clone(),
                uid: labels.get(label::UID).cloned().unwrap_or_default(),
            })
        });
        Self(said.collect())
    }

    /// Asks the engine for them.
    pub(crate) async fn read(provider: &DockerProvider) -> Result<Self, ApplyError> {
        let wanted = vec![
            format!("{}={}", label::MANAGED_BY, label::MANAGER),
            format!("{}={}", label::FLEET, provider.fleet),
            label::CLAIM.to_owned(),
        ];
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&HashMap::from([("label", wanted)]))
            .build();
        let list = provider.engine.docker.list_containers(Some(options)).await;
        let list = list.map_err(|error| failed("looking for claims", &error))?;
        Ok(Self::among(&list, &provider.fleet))
    }

    /// The labels of an object as if they could be changed.
    pub(crate) fn over(
        &self,
        native: &str,
        mut labels: HashMap<String, String>,
        fleet: &FleetId,
    ) -> HashMap<String, String> {
        if self.says(native, Claim::Forget) {
            labels.remove(label::MANAGED_BY);
        }
        if let Some(said) = self.find(native, Claim::Adopt) {
            // What it was made from is unknown, so its fields alone are compared.
            labels.remove(label::SPEC_HASH);
            labels.extend(
                [
                    (label::MANAGED_BY, label::MANAGER),
                    (label::FLEET, fleet.as_str()),
                    (label::ADDR, &said.addr),
                    (label::UID, &said.uid),
                ]
                .map(|(key, value)| (key.to_owned(), value.to_owned())),
            );
        }
        labels
    }

    pub(crate) fn says(&self, native: &str, claim: Claim) -> bool {
        self.find(native, claim).is_some()
    }

    /// What the engine calls the first object that is ours although its labels do not say so.
    pub(crate) fn adopted(&self) -> Option<&str> {
        let mut said = self.0.iter();
        let adopts = said.find(|said| said.claim == Claim::Adopt)?;
        Some(&adopts.native)
    }

    fn find(&self, native: &str, claim: Claim) -> Option<&Said> {
        let mut said = self.0.iter();
        said.find(|said| said.native == native && said.claim == claim)
    }

    /// Says something of an object, instead of what was said at the same address of one that is
    /// no longer meant.
    pub(crate) async fn replace(
        &self,
        provider: &DockerProvider,
        about: &About<'_>,
    ) -> Result<(), ApplyError> {
        let addr = about.resource.to_string();
        let protects = about.claim == Claim::Protect;
        for said in &self.0 {
            if said.addr == addr && (said.claim == Claim::Protect) == protects {
                remove(provider, &said.container).await?;
            }
        }
        make(provider, about).await
    }

    /// Takes back what is said of an object.
    pub(crate) async fn withdraw(
        &self,
        provider: &DockerProvider,
        native: &str,
        claim: Claim,
    ) -> Result<(), ApplyError> {
        for said in &self.0 {
            if said.native == native && said.claim == claim {
                remove(provider, &said.container).await?;
            }
        }
        Ok(())
    }
}

async fn make(provider: &DockerProvider, about: &About<'_>) -> Result<(), ApplyError> {
    let name = name(&provider.fleet, about);
    let fail = |error: &bollard::errors::Error| failed(&format!("making `{name}`"), error);
    let docker = &provider.engine.docker;
    ensure_empty_image(docker)
        .await
        .map_err(|error| fail(&error))?;
    let labels = [
        (label::MANAGED_BY, label::MANAGER.to_owned()),
        (label::FLEET, provider.fleet.to_string()),
        (label::CLAIM, about.claim.as_str().to_owned()),
        (label::ADDR, about.resource.to_string()),
        (label::UID, about.uid.to_owned()),
        (label::NATIVE, about.native.to_owned()),
    ];
    let volume = Mount {
        target: Some(PATH.to_owned()),
        source: Some(about.native.to_owned()),
        typ: Some(MountType::VOLUME),
        read_only: Some(true),
        ..Mount::default()
    };
    let body = ContainerCreateBody {
        image: Some(EMPTY_IMAGE.to_owned()),
        // Never run; an image without an entry point needs one to be named.
        entrypoint: Some(vec!["/never-started".to_owned()]),
        labels: Some(labels.map(|(key, value)| (key.to_owned(), value)).into()),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            mounts: is_volume(about.resource.kind).then(|| vec![volume]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    docker
        .create_container(Some(options), body)
        .await
        .map_err(|error| fail(&error))?;
    Ok(())
}

/// No container that a configuration names has a dot in its name.
fn name(fleet: &FleetId, about: &About<'_>) -> String {
    let ResourceId { kind, name } = about.resource;
    match about.claim {
        Claim::Adopt | Claim::Forget => format!("{fleet}.claim.{kind}-{name}"),
        Claim::Protect => format!("{fleet}.protect.{kind}-{name}"),
    }
}

async fn remove(provider: &DockerProvider, id: &str) -> Result<(), ApplyError> {
    let options = RemoveContainerOptionsBuilder::new().force(true).build();
    let docker = &provider.engine.docker;
    found(docker.remove_container(id, Some(options)).await)
        .map_err(|error| failed("removing a claim", &error))?;
    Ok(())
}

fn is_volume(kind: Kind) -> bool {
    match kind {
        Kind::Volume | Kind::Config | Kind::Secret => true,
        Kind::Network | Kind::Image | Kind::Datahub | Kind::Role | Kind::Agent => false,
    }
}
