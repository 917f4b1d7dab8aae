//! A fleet as containers of one engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rivetos_config::{AgentName, Placement, Resources};

use crate::model::{
    ContainerSpec, Desired, FileContent, FilesSpec, ImageSource, ImageSpec, Kind, Limits,
    LogRotation, Mount, MountMode, NetworkSpec, Protection, ResourceId, RestartPolicy, Spec,
    TargetId, Uid, VolumeSpec,
};

use super::datahub;
use super::desired::{CONFIG_FILE, TOKEN_FILE, config_files, id, resource, secret_files};
use super::resolve::{AgentSpec, FleetSpec, Reach, datahub_target};

const DATA: &str = "/var/lib/rivetos";
const CONFIG: &str = "/etc/rivetos";
pub(super) const SECRETS: &str = "/run/secrets";
/// How long a container may take to finish what it does before it is killed, in seconds.
pub(super) const STOP_GRACE_SECONDS: u32 = 30;
/// What a container may keep in memory as temporary files.
pub(super) const TMPFS_OPTIONS: &str = "mode=1777,size=256m";
/// What an agent may use of its host.
pub const AGENT_LIMITS: Limits = Limits {
    memory_bytes: Some(1 << 30),
    milli_cpus: Some(2000),
    pids: Some(512),
};
const LOG_FILE_SIZE_MAX: &str = "10m";
const LOG_FILES_MAX: u32 = 3;

/// Where an agent finds its things in its container.
pub(super) fn placement() -> Placement {
    Placement {
        workspace: PathBuf::from(DATA).join("workspace"),
        store: PathBuf::from(DATA).join("store.db"),
        secrets: PathBuf::from(SECRETS),
        token_file: TOKEN_FILE.to_owned(),
    }
}

/// Everything the fleet is on the engine `target`.
pub(super) fn resources(spec: &FleetSpec, target: &TargetId) -> Vec<Desired> {
    let engine = Engine { spec, target };
    let datahub = spec.deployment.datahub.as_ref();
    let datahub = datahub.filter(|_| *target == datahub_target());
    let agents: Vec<(&AgentName, &AgentSpec)> = spec
        .agents
        .iter()
        .filter(|(_, agent)| agent.target == *target)
        .collect();
    if agents.is_empty() && datahub.is_none() {
        return Vec::new();
    }
    let mut resources = vec![engine.network()];
    if agents.iter().any(|(_, agent)| agent.image.is_none()) {
        resources.push(engine.agent_image());
    }
    if let Some(datahub) = datahub {
        resources.extend(datahub::resources(&engine, datahub));
    }
    for (name, agent) in agents {
        resources.extend(engine.agent(name, agent));
    }
    resources
}

/// What the fleet calls something of its own on an engine.
pub(super) fn native(spec: &FleetSpec, name: &str) -> String {
    format!("{}-{name}", spec.fleet)
}

/// One engine of the fleet.
pub(super) struct Engine<'a> {
    pub(super) spec: &'a FleetSpec,
    pub(super) target: &'a TargetId,
}

impl Engine<'_> {
    pub(super) fn native(&self, name: &str) -> String {
        native(self.spec, name)
    }

    /// The address of something that every engine of the fleet has one of.
    fn here(&self, kind: Kind, name: &str) -> ResourceId {
        match self.target.host() {
            Some(host) => ResourceId::new(kind, format!("{name}@{host}")),
            None => ResourceId::new(kind, name),
        }
    }

    pub(super) fn network_id(&self) -> ResourceId {
        self.here(Kind::Network, "fleet")
    }

    /// The image of `agent`: its own, or the fleet's on this engine.
    fn image_id(&self, name: &AgentName, agent: &AgentSpec) -> ResourceId {
        match agent.image {
            Some(_) => id(Kind::Image, name),
            None => self.here(Kind::Image, "agent"),
        }
    }

    pub(super) fn network_name(&self) -> String {
        let network = &self.spec.deployment.docker.network;
        network
            .clone()
            .unwrap_or_else(|| self.spec.fleet.to_string())
    }

    pub(super) fn resource(
        &self,
        id: ResourceId,
        spec: Spec,
        after: impl IntoIterator<Item = ResourceId>,
    ) -> Desired {
        let born = id.name.clone();
        resource(&self.spec.fleet, (id, &born), spec, after)
    }

    fn network(&self) -> Desired {
        let spec = Spec::Network(NetworkSpec {
            native_name: self.network_name(),
            driver: "bridge".to_owned(),
        });
        self.resource(self.network_id(), spec, [])
    }

    /// An image of another repository than ours can be pulled when it is not there.
    fn agent_image(&self) -> Desired {
        let image = &self.spec.deployment.image;
        let source = match (&image.registry, &image.agent_image) {
            (None, None) => ImageSource::Built,
            (Some(_), _) | (None, Some(_)) => ImageSource::Registry,
        };
        self.image(
            self.here(Kind::Image, "agent"),
            self.spec.agent_image(),
            source,
        )
    }

    pub(super) fn image(&self, id: ResourceId, reference: String, source: ImageSource) -> Desired {
        let spec = Spec::Image(ImageSpec { reference, source });
        self.resource(id, spec, [])
    }

    pub(super) fn data_volume(
        &self,
        id: ResourceId,
        born: &str,
        protection: Protection,
    ) -> Desired {
        let spec = Spec::Volume(VolumeSpec {
            native_name: self.native(&format!("{born}-data")),
            protection,
        });
        resource(&self.spec.fleet, (id, born), spec, [])
    }

    /// Files of an agent or of the datahub, in a volume named by what it holds, so that the next
    /// incarnation can be made beside it.
    pub(super) fn files(
        &self,
        (id, born): (ResourceId, &str),
        files: BTreeMap<String, FileContent>,
        (image, carrier): (ResourceId, String),
    ) -> Desired {
        let mut spec = FilesSpec {
            native_name: String::new(),
            files,
            carrier_image: Some(carrier),
        };
        let name = format!("{born}-{}-{}", id.kind, spec.content_tag());
        spec.native_name = self.native(&name);
        resource(&self.spec.fleet, (id, born), Spec::Files(spec), [image])
    }

    fn agent(&self, name: &AgentName, agent: &AgentSpec) -> Vec<Desired> {
        let AgentSpec { files, born, .. } = agent;
        let born = born.as_str();
        let mut secrets = secret_files(self.spec, files);
        secrets.extend(datahub::login_files(self.spec, agent, Path::new(SECRETS)));
        let image = self.image_id(name, agent);
        let carrier = || (image.clone(), self.spec.image_of(agent));
        let (config_id, secret_id) = (id(Kind::Config, name), id(Kind::Secret, name));
        let config = self.files((config_id, born), config_files(self.spec, files), carrier());
        let secret = self.files((secret_id, born), secrets, carrier());
        let volume = self.data_volume(id(Kind::Volume, name), born, agent.protection);
        let mut after = vec![self.network_id(), image.clone()];
        after.extend([&volume, &config, &secret].map(|foundation| foundation.id.clone()));
        let container = self.agent_container((name, agent), [&volume, &config, &secret]);
        let mut resources = vec![volume, config];
        match self.spec.reach(agent) {
            Reach::Near => {
                let role = datahub::role(self.spec, (name, agent), &secret, None);
                after.push(role.id.clone());
                resources.push(role);
            }
            // Its login is where the datahub is.
            Reach::Far(_) => after.push(id(Kind::Role, name)),
            Reach::Never => {}
        }
        resources.push(secret);
        if let Some(reference) = &agent.image {
            resources.push(self.image(image, reference.clone(), ImageSource::Registry));
        }
        resources.push(resource(
            &self.spec.fleet,
            (id(Kind::Agent, name), born),
            Spec::Container(Box::new(container)),
            after,
        ));
        resources
    }

    fn agent_container(
        &self,
        (name, agent): (&AgentName, &AgentSpec),
        [data, config, secret]: [&Desired; 3],
    ) -> ContainerSpec {
        ContainerSpec {
            native_name: self.native(name.as_str()),
            hostname: name.to_string(),
            image: self.spec.image_of(agent),
            image_id: None,
            // The identity is what the agent says of itself: readiness is asked of nobody else.
            command: [
                "run",
                "--config",
                &format!("{CONFIG}/{CONFIG_FILE}"),
                "--uid",
                &Uid::derive(&self.spec.fleet, &id(Kind::Agent, &agent.born)).0,
            ]
            .map(str::to_owned)
            .to_vec(),
            env: BTreeMap::new(),
            user: Some("1000:1000".to_owned()),
            init: true,
            read_only_root: true,
            tmpfs: BTreeMap::from([("/tmp".to_owned(), TMPFS_OPTIONS.to_owned())]),
            mounts: BTreeMap::from([
                mount(DATA, data, MountMode::ReadWrite),
                mount(CONFIG, config, MountMode::ReadOnly),
                mount(SECRETS, secret, MountMode::ReadOnly),
            ]),
            network: self.network_name(),
            published: Vec::new(),
            cap_drop: vec!["ALL".to_owned()],
            cap_add: Vec::new(),
            security_opt: vec!["no-new-privileges:true".to_owned()],
            limits: limits(agent.resources, AGENT_LIMITS),
            log: Some(log()),
            restart: RestartPolicy::UnlessStopped,
            stop_grace_seconds: STOP_GRACE_SECONDS,
            health: None,
        }
    }
}

pub(super) fn mount(path: &str, volume: &Desired, mode: MountMode) -> (String, Mount) {
    let mount = Mount {
        volume: native_name(volume),
        mode,
    };
    (path.to_owned(), mount)
}

/// What a volume is called on the engine; nothing else is mounted.
pub(super) fn native_name(volume: &Desired) -> String {
    match &volume.spec {
        Spec::Volume(volume) => volume.native_name.clone(),
        Spec::Files(files) => files.native_name.clone(),
        Spec::Network(_)
        | Spec::Image(_)
        | Spec::Container(_)
        | Spec::Process(_)
        | Spec::Role(_) => String::new(),
    }
}

/// What a container may use: what the configuration says, else our own limits.
pub(super) fn limits(resources: Resources, ours: Limits) -> Limits {
    Limits {
        memory_bytes: resources.memory_bytes.or(ours.memory_bytes),
        milli_cpus: resources.milli_cpus.or(ours.milli_cpus),
        pids: resources.pids.or(ours.pids),
    }
}

pub(super) fn log() -> LogRotation {
    LogRotation {
        max_size: LOG_FILE_SIZE_MAX.to_owned(),
        max_file: LOG_FILES_MAX,
    }
}
