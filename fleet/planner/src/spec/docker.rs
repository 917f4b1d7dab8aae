//! A fleet as containers of one engine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rivetos_config::{AgentFiles, AgentName, Datahub, Placement};

use crate::model::{
    ContainerSpec, Desired, FileContent, FilesSpec, HealthCheck, ImageSource, ImageSpec, Kind,
    Limits, LogRotation, Mount, MountMode, NetworkSpec, PublishedPort, ResourceId, RestartPolicy,
    RoleSpec, Spec, Uid, VolumeSpec,
};

use super::desired::{CONFIG_FILE, TOKEN_FILE, config_files, id, resource, secret_files};
use super::resolve::FleetSpec;

const DATA: &str = "/var/lib/rivetos";
const CONFIG: &str = "/etc/rivetos";
const SECRETS: &str = "/run/secrets";
const DATAHUB_DATA: &str = "/var/lib/postgresql/data";
const PASSWORD_FILE: &str = "postgres_password";
const DATABASE: &str = "rivetos";
/// Postgres initialises an empty volume in well under this time on slow disks, in seconds.
const DATAHUB_START_SECONDS: u32 = 30;
/// How long a container may take to finish what it does before it is killed, in seconds.
const STOP_GRACE_SECONDS: u32 = 30;
/// What a container may keep in memory as temporary files.
const TMPFS_OPTIONS: &str = "mode=1777,size=256m";
/// Where Postgres has its socket, and how that is kept in memory.
const DATAHUB_SOCKET: (&str, &str) = ("/var/run/postgresql", "mode=1777,size=1m");
/// What an agent may use of its host.
const AGENT_LIMITS: Limits = Limits {
    memory_bytes: Some(1 << 30),
    milli_cpus: Some(2000),
    pids: Some(512),
};
/// The datahub's connections and workers are processes. How much memory it needs depends on the
/// data, and a database that is killed for it takes every agent's memory down.
const DATAHUB_LIMITS: Limits = Limits {
    memory_bytes: None,
    milli_cpus: None,
    pids: Some(1024),
};
/// The entry point of the Postgres images starts as root: it reads the password, gives the data
/// folder to `postgres` and becomes that user.
const DATAHUB_CAPABILITIES: [&str; 5] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];
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

/// The login of an agent in the datahub, and the name of its schema.
pub fn role_name(agent: &AgentName) -> String {
    format!("agent_{}", agent.as_str().replace('-', "_"))
}

/// Everything the fleet is on an engine.
pub(super) fn resources(spec: &FleetSpec) -> Vec<Desired> {
    let layout = Layout { spec };
    let datahub = spec.deployment.datahub.as_ref();
    let mut resources = vec![layout.network(), layout.agent_image()];
    if let Some(datahub) = datahub {
        resources.extend(layout.datahub(datahub));
    }
    for (name, files) in &spec.agents {
        resources.extend(layout.agent(name, files, datahub.is_some()));
    }
    resources
}

struct Layout<'a> {
    spec: &'a FleetSpec,
}

impl Layout<'_> {
    fn native(&self, name: &str) -> String {
        format!("{}-{name}", self.spec.fleet)
    }

    fn network_name(&self) -> String {
        let network = &self.spec.deployment.docker.network;
        network
            .clone()
            .unwrap_or_else(|| self.spec.fleet.to_string())
    }

    fn resource(
        &self,
        id: ResourceId,
        spec: Spec,
        after: impl IntoIterator<Item = ResourceId>,
    ) -> Desired {
        resource(&self.spec.fleet, id, spec, after)
    }

    fn network(&self) -> Desired {
        let spec = Spec::Network(NetworkSpec {
            native_name: self.network_name(),
            driver: "bridge".to_owned(),
        });
        self.resource(network_id(), spec, [])
    }

    /// An image of another repository than ours can be pulled when it is not there.
    fn agent_image(&self) -> Desired {
        let image = &self.spec.deployment.image;
        let source = match (&image.registry, &image.agent_image) {
            (None, None) => ImageSource::Built,
            (Some(_), _) | (None, Some(_)) => ImageSource::Registry,
        };
        let spec = Spec::Image(ImageSpec {
            reference: self.spec.agent_image(),
            source,
        });
        self.resource(agent_image_id(), spec, [])
    }

    fn data_volume(&self, name: &str) -> Desired {
        let spec = Spec::Volume(VolumeSpec {
            native_name: self.native(&format!("{name}-data")),
        });
        self.resource(id(Kind::Volume, name), spec, [])
    }

    fn files(
        &self,
        id: ResourceId,
        files: BTreeMap<String, FileContent>,
        (image, carrier): (ResourceId, String),
    ) -> Desired {
        let native_name = self.native(&format!("{}-{}", id.name, id.kind));
        let spec = Spec::Files(FilesSpec {
            native_name,
            files,
            carrier_image: Some(carrier),
        });
        self.resource(id, spec, [image])
    }

    fn agent(&self, name: &AgentName, files: &AgentFiles, with_datahub: bool) -> Vec<Desired> {
        let mut secrets = secret_files(self.spec, files);
        if with_datahub {
            secrets.insert(PASSWORD_FILE.to_owned(), FileContent::Generated);
        }
        let carrier = || (agent_image_id(), self.spec.agent_image());
        let config_id = id(Kind::Config, name);
        let secret_id = id(Kind::Secret, name);
        let mut after = vec![
            network_id(),
            agent_image_id(),
            id(Kind::Volume, name),
            config_id.clone(),
            secret_id.clone(),
        ];
        let mut resources = vec![
            self.data_volume(name.as_str()),
            self.files(config_id, config_files(self.spec, files), carrier()),
            self.files(secret_id, secrets, carrier()),
        ];
        if with_datahub {
            after.push(id(Kind::Role, name));
            resources.push(self.role(name));
        }
        let container = Spec::Container(Box::new(self.agent_container(name)));
        resources.push(self.resource(id(Kind::Agent, name), container, after));
        resources
    }

    fn role(&self, name: &AgentName) -> Desired {
        let secret = id(Kind::Secret, name);
        let spec = Spec::Role(RoleSpec {
            datahub: self.native("datahub"),
            database: DATABASE.to_owned(),
            role: role_name(name),
            secret: secret.clone(),
            secret_native_name: self.native(&format!("{name}-secret")),
            password_file: PASSWORD_FILE.to_owned(),
        });
        self.resource(id(Kind::Role, name), spec, [datahub_id(), secret])
    }

    fn agent_container(&self, name: &AgentName) -> ContainerSpec {
        ContainerSpec {
            native_name: self.native(name.as_str()),
            hostname: name.to_string(),
            image: self.spec.agent_image(),
            image_id: None,
            // The identity is what the agent says of itself: readiness is asked of nobody else.
            command: [
                "run",
                "--config",
                &format!("{CONFIG}/{CONFIG_FILE}"),
                "--uid",
                &Uid::derive(&self.spec.fleet, &id(Kind::Agent, name)).0,
            ]
            .map(str::to_owned)
            .to_vec(),
            env: BTreeMap::new(),
            user: Some("1000:1000".to_owned()),
            init: true,
            read_only_root: true,
            tmpfs: BTreeMap::from([("/tmp".to_owned(), TMPFS_OPTIONS.to_owned())]),
            mounts: BTreeMap::from([
                self.mount(DATA, &format!("{name}-data"), MountMode::ReadWrite),
                self.mount(CONFIG, &format!("{name}-config"), MountMode::ReadOnly),
                self.mount(SECRETS, &format!("{name}-secret"), MountMode::ReadOnly),
            ]),
            network: self.network_name(),
            published: Vec::new(),
            cap_drop: vec!["ALL".to_owned()],
            cap_add: Vec::new(),
            security_opt: vec!["no-new-privileges:true".to_owned()],
            limits: AGENT_LIMITS,
            log: Some(log()),
            restart: RestartPolicy::UnlessStopped,
            stop_grace_seconds: STOP_GRACE_SECONDS,
            health: None,
        }
    }

    fn datahub(&self, datahub: &Datahub) -> Vec<Desired> {
        let image = self.spec.datahub_image(datahub);
        let image_id = id(Kind::Image, "datahub");
        let secret_id = id(Kind::Secret, "datahub");
        let image_spec = Spec::Image(ImageSpec {
            reference: image.clone(),
            source: ImageSource::Registry,
        });
        let secrets = BTreeMap::from([(PASSWORD_FILE.to_owned(), FileContent::Generated)]);
        let container = Spec::Container(Box::new(self.datahub_container(image.clone())));
        let after = [
            network_id(),
            image_id.clone(),
            id(Kind::Volume, "datahub"),
            secret_id.clone(),
        ];
        vec![
            self.resource(image_id.clone(), image_spec, []),
            self.data_volume("datahub"),
            self.files(secret_id, secrets, (image_id, image)),
            self.resource(datahub_id(), container, after),
        ]
    }

    /// The image's own command and user: its entry point prepares the data folder as root and
    /// then runs as `postgres`.
    fn datahub_container(&self, image: String) -> ContainerSpec {
        let port = self.spec.deployment.docker.postgres_port;
        ContainerSpec {
            native_name: self.native("datahub"),
            hostname: "datahub".to_owned(),
            image,
            image_id: None,
            command: Vec::new(),
            env: [
                ("POSTGRES_USER", "postgres".to_owned()),
                ("POSTGRES_DB", DATABASE.to_owned()),
                // Images differ in where they would keep it, and elsewhere it is lost with the
                // container.
                ("PGDATA", DATAHUB_DATA.to_owned()),
                (
                    "POSTGRES_PASSWORD_FILE",
                    format!("{SECRETS}/{PASSWORD_FILE}"),
                ),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
            user: None,
            init: true,
            read_only_root: true,
            tmpfs: [("/tmp", TMPFS_OPTIONS), DATAHUB_SOCKET]
                .map(|(path, options)| (path.to_owned(), options.to_owned()))
                .into(),
            mounts: BTreeMap::from([
                self.mount(DATAHUB_DATA, "datahub-data", MountMode::ReadWrite),
                self.mount(SECRETS, "datahub-secret", MountMode::ReadOnly),
            ]),
            network: self.network_name(),
            published: port.map(on_loopback).into_iter().collect(),
            cap_drop: vec!["ALL".to_owned()],
            cap_add: DATAHUB_CAPABILITIES.map(str::to_owned).to_vec(),
            security_opt: vec!["no-new-privileges:true".to_owned()],
            limits: DATAHUB_LIMITS,
            log: Some(log()),
            restart: RestartPolicy::UnlessStopped,
            stop_grace_seconds: STOP_GRACE_SECONDS,
            health: Some(HealthCheck {
                command: ["pg_isready", "-U", "postgres", "-d", DATABASE]
                    .map(str::to_owned)
                    .to_vec(),
                interval_seconds: 5,
                timeout_seconds: 3,
                retries: 5,
                start_seconds: DATAHUB_START_SECONDS,
            }),
        }
    }

    fn mount(&self, path: &str, volume: &str, mode: MountMode) -> (String, Mount) {
        (
            path.to_owned(),
            Mount {
                volume: self.native(volume),
                mode,
            },
        )
    }
}

fn log() -> LogRotation {
    LogRotation {
        max_size: LOG_FILE_SIZE_MAX.to_owned(),
        max_file: LOG_FILES_MAX,
    }
}

fn on_loopback(port: u16) -> PublishedPort {
    PublishedPort {
        host_ip: "127.0.0.1".to_owned(),
        host_port: port,
        container_port: 5432,
    }
}

fn network_id() -> ResourceId {
    id(Kind::Network, "fleet")
}

fn agent_image_id() -> ResourceId {
    id(Kind::Image, "agent")
}

fn datahub_id() -> ResourceId {
    id(Kind::Datahub, "main")
}
