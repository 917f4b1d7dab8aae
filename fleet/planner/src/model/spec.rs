//! What a resource should be, typed. The truth from which compose text, API calls and the flat
//! view are lowered.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use rivetos_config::SecretRef;

use super::{Fingerprint, Protection, ResourceId, TargetId};

/// What a resource should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Spec {
    /// A network.
    Network(NetworkSpec),
    /// A volume for data.
    Volume(VolumeSpec),
    /// Files that are delivered to a node: its configuration or its secrets.
    Files(FilesSpec),
    /// An image.
    Image(ImageSpec),
    /// A container: the datahub, or an agent on a container target.
    Container(Box<ContainerSpec>),
    /// A supervised process: an agent on the local target.
    Process(ProcessSpec),
    /// A login and schema in the datahub.
    Role(RoleSpec),
}

/// A network of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// Its name there.
    pub native_name: String,
    /// The driver, for example `bridge`.
    pub driver: String,
}

/// A volume for data. Never deleted without explicit consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    /// Its name on the engine, or the absolute path of the folder on the local target.
    pub native_name: String,
    /// Whether it may be removed; not part of the hash.
    pub protection: Protection,
}

/// Files that are delivered to a node. Content never changes in place: other content is another
/// incarnation of the resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesSpec {
    /// The volume's name on the engine, or the absolute path of the folder on the local target.
    pub native_name: String,
    /// By path relative to the resource, with `/`.
    pub files: BTreeMap<String, FileContent>,
    /// Container targets: the image of the never started container through which the files get
    /// into the volume; not part of the hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier_image: Option<String>,
}

/// Where a delivered file's content comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum FileContent {
    /// This text; may be shown.
    Text {
        /// The whole content.
        text: String,
    },
    /// A secret of the operator, resolved when it is delivered.
    Given {
        /// Where it is to be found.
        secret: SecretRef,
        /// Keyed short hash of its present value; absent when it could not be computed.
        digest: Option<String>,
    },
    /// A secret that exists only in the target: made there from randomness when the resource is
    /// created, 32 bytes as hex.
    Generated,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSpec {
    /// `repository:tag`; the tag is immutable for images that we build.
    pub reference: String,
    /// How to come by it.
    pub source: ImageSource,
}

/// How to come by an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageSource {
    /// `rivetos build` makes it; a plan that misses it is blocked.
    Built,
    /// A registry has it; a plan that misses it pulls it.
    Registry,
    /// A program on this host (local target).
    Program,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Its name on the engine.
    pub native_name: String,
    /// The name that other containers of the fleet reach it by.
    pub hostname: String,
    /// `repository:tag`.
    pub image: String,
    /// The immutable id that `image` stands for, resolved by the plan; not part of the hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// Arguments to the image's entry point; empty: the image's own.
    pub command: Vec<String>,
    /// Environment; never secrets.
    pub env: BTreeMap<String, String>,
    /// `uid:gid`; absent: the image's own.
    pub user: Option<String>,
    /// Whether the engine's init is process 1.
    pub init: bool,
    /// Whether the root file system is read-only.
    pub read_only_root: bool,
    /// Memory file systems by path, with their options.
    pub tmpfs: BTreeMap<String, String>,
    /// Volumes, by path in the container.
    pub mounts: BTreeMap<String, Mount>,
    /// Native name of the network.
    pub network: String,
    /// Ports published on the host.
    pub published: Vec<PublishedPort>,
    /// Capabilities to drop, for example `ALL`.
    pub cap_drop: Vec<String>,
    /// Capabilities to keep of those, for example `CHOWN`.
    pub cap_add: Vec<String>,
    /// For example `no-new-privileges:true`.
    pub security_opt: Vec<String>,
    /// What it may use of its host.
    pub limits: Limits,
    /// How much of its log the engine keeps; absent: as much as the engine was set up to keep.
    pub log: Option<LogRotation>,
    /// When the engine starts it again.
    pub restart: RestartPolicy,
    /// How long the container may take to stop, in seconds.
    pub stop_grace_seconds: u32,
    /// Absent: the image's own.
    pub health: Option<HealthCheck>,
}

/// What a container may use of its host; absent: as much as there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Memory in bytes, and no swap beyond it.
    pub memory_bytes: Option<u64>,
    /// Processor time in thousandths of one processor.
    pub milli_cpus: Option<u32>,
    /// Processes and threads.
    pub pids: Option<u32>,
}

/// How much of a container's log the engine keeps, as the `json-file` driver takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRotation {
    /// The largest file, for example `10m`.
    pub max_size: String,
    /// How many files.
    pub max_file: u32,
}

/// When an engine starts a container again that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Never.
    No,
    /// Always, also after a restart of the host when somebody had stopped it.
    Always,
    /// Unless somebody stopped it.
    UnlessStopped,
    /// When it failed.
    OnFailure,
}

impl RestartPolicy {
    /// As engines and compose files call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Always => "always",
            Self::UnlessStopped => "unless-stopped",
            Self::OnFailure => "on-failure",
        }
    }
}

/// A volume in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Native name of the volume.
    pub volume: String,
    /// Whether the container may write.
    pub mode: MountMode,
}

/// Whether a container may write to a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountMode {
    /// No.
    ReadOnly,
    /// Yes.
    ReadWrite,
}

/// A port of a container on the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PublishedPort {
    /// The host's address, for example 127.0.0.1.
    pub host_ip: String,
    /// The host's port.
    pub host_port: u16,
    /// The container's port (TCP).
    pub container_port: u16,
}

/// The engine's own health check of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// What to run, without a shell.
    pub command: Vec<String>,
    /// Between two checks, in seconds.
    pub interval_seconds: u32,
    /// The longest check, in seconds.
    pub timeout_seconds: u32,
    /// How many failures make it unhealthy.
    pub retries: u32,
    /// How long failures do not count after the start, in seconds.
    pub start_seconds: u32,
}

/// A supervised process of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessSpec {
    /// The agent's own folder (state, logs); absolute.
    pub folder: PathBuf,
    /// The program; absolute.
    pub program: PathBuf,
    /// SHA-256 of the program, 16 hex digits: another program is another process.
    pub program_digest: String,
    /// Its arguments without the port.
    pub args: Vec<String>,
    /// The loopback port. `None` until the plan has chosen one; kept once chosen; not part of the
    /// hash.
    pub port: Option<u16>,
}

/// A login of the datahub with a schema of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSpec {
    /// Native name of the datahub's container.
    pub datahub: String,
    /// Native name of the database.
    pub database: String,
    /// Name of the login and of its schema.
    pub role: String,
    /// The secret resource that holds the password.
    pub secret: ResourceId,
    /// Native name of that resource.
    pub secret_native_name: String,
    /// The file in it.
    pub password_file: String,
    /// Where that resource is, if not on the datahub's own target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub far: Option<FarSecret>,
}

/// A secret on another target than what is made with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FarSecret {
    /// The other target.
    pub target: TargetId,
    /// What tells the secret from its predecessors. `None` until the plan has seen it, and where
    /// it is yet to be made; not part of the hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Fingerprint>,
}

/// Hash of a spec with the version of the hashing scheme: `v1:<16 hex>`.
///
/// A hash of another scheme says nothing: fields are compared then, and it is never a change by
/// itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SpecHash(pub String);

impl fmt::Display for SpecHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
