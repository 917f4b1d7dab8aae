//! Typed specs lowered to the flat view that is compared, hashed and shown.
//!
//! Both sides of a comparison use these words: what a provider saw is lowered by the same code
//! when it can be put into the same types. Lists without an order of their own are sorted.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::class::is_hashed;
use crate::model::{
    ContainerSpec, Field, Fields, FileContent, FilesSpec, HealthCheck, Limits, MountMode,
    ProcessSpec, Protection, RoleSpec, Spec, SpecHash, VolumeSpec,
};

/// The version of the hashing scheme. Another version of the same spec is not a change.
/// `v2` leaves out what changes without making an object again.
const SCHEME: &str = "v2";

/// Fields that the plan resolves from the target. They are compared where both sides know them
/// and are never part of the hash, which must be known without looking at the target.
pub(crate) const RESOLVED_FIELDS: [&str; 3] = ["image_id", "port", "secret_made"];

impl Spec {
    /// The flat view, by dotted path.
    ///
    /// # Guarantees
    /// - Lists whose order means nothing (capabilities, security options, published ports) give
    ///   the same fields in any order.
    /// - Never holds a secret: see [`FileContent::field`].
    /// - `image_id` and `port` are there only once they are known.
    pub fn fields(&self) -> Fields {
        match self {
            Self::Network(network) => [
                ("name".to_owned(), Field::text(&network.native_name)),
                ("driver".to_owned(), Field::text(&network.driver)),
            ]
            .into(),
            Self::Volume(volume) => volume_fields(volume),
            Self::Files(files) => files_fields(files),
            Self::Image(image) => [("reference".to_owned(), Field::text(&image.reference))].into(),
            Self::Container(container) => container_fields(container),
            Self::Process(process) => process_fields(process),
            Self::Role(role) => role_fields(role),
        }
    }

    /// The hash of everything that was decided without looking at the target: SHA-256 over the
    /// fields as canonical JSON, 16 hex digits.
    ///
    /// What changes while the object, and with it the hash on it, stays is not part of it: see
    /// [`Spec::live_fields`]. Keyed hashes of secrets are not part of it either,
    /// only that there is a secret: whether one changed is told by comparing its field, which
    /// knows "unknown".
    pub fn hash(&self) -> SpecHash {
        self.hash_of(&self.fields())
    }

    /// [`Spec::hash`] where [`Spec::fields`] are known already.
    pub(crate) fn hash_of(&self, fields: &Fields) -> SpecHash {
        let decided: BTreeMap<&str, &Field> = fields
            .iter()
            .map(|(name, field)| (name.as_str(), field))
            .filter(|(name, _)| !RESOLVED_FIELDS.contains(name) && is_hashed(self, name))
            .map(|(name, field)| match field {
                Field::Keyed(_) => (name, &Field::Unknown),
                Field::Text(_) | Field::Unknown => (name, field),
            })
            .collect();
        SpecHash(format!(
            "{SCHEME}:{}",
            short_sha256(&json(&(self.type_name(), decided)), 16)
        ))
    }

    /// The fields that can change while the object stays. Their values at its creation are
    /// written on it, so that a change of the configuration can be told from somebody's hand.
    pub fn live_fields(&self) -> Fields {
        let mut fields = self.fields();
        fields.retain(|name, _| !is_hashed(self, name));
        fields
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::Network(_) => "network",
            Self::Volume(_) => "volume",
            Self::Files(_) => "files",
            Self::Image(_) => "image",
            Self::Container(_) => "container",
            Self::Process(_) => "process",
            Self::Role(_) => "role",
        }
    }
}

impl SpecHash {
    /// Whether the hash was made by the scheme of this version; only then does it say anything.
    pub fn is_comparable(&self) -> bool {
        self.0
            .strip_prefix(SCHEME)
            .is_some_and(|rest| rest.starts_with(':'))
    }
}

impl FilesSpec {
    /// Eight hex digits that change with the content, as far as it is known without looking at the
    /// target.
    pub fn content_tag(&self) -> String {
        let fields: BTreeMap<&str, Field> = self
            .files
            .iter()
            .map(|(path, content)| (path.as_str(), content.field()))
            .collect();
        short_sha256(&json(&fields), 8)
    }

    /// The name of the field that stands for the file at `path`.
    pub fn field_path(path: &str) -> String {
        format!("files.{path}")
    }
}

impl FileContent {
    /// What stands for the content in comparisons and on labels: a short hash of a text, the
    /// keyed hash of a given secret or [`Field::Unknown`], and for a generated secret only that
    /// it is one.
    pub fn field(&self) -> Field {
        match self {
            Self::Text { text } => Field::text(format!("sha256:{}", short_sha256(text, 12))),
            Self::Given {
                digest: Some(digest),
                ..
            } => Field::Keyed(digest.clone()),
            Self::Given { digest: None, .. } => Field::Unknown,
            Self::Generated => Field::text("generated"),
        }
    }
}

fn volume_fields(volume: &VolumeSpec) -> Fields {
    let protect = match volume.protection {
        Protection::None => "false",
        Protection::Protected => "true",
    };
    [("name", volume.native_name.as_str()), ("protect", protect)]
        .into_iter()
        .map(|(path, value)| (path.to_owned(), Field::text(value)))
        .collect()
}

fn files_fields(files: &FilesSpec) -> Fields {
    let mut fields = Fields::from([("name".to_owned(), Field::text(&files.native_name))]);
    for (path, content) in &files.files {
        fields.insert(FilesSpec::field_path(path), content.field());
    }
    fields
}

fn container_fields(spec: &ContainerSpec) -> Fields {
    let mut fields = Fields::new();
    let mut set = |path: &str, value: String| fields.insert(path.to_owned(), Field::Text(value));
    set("name", spec.native_name.clone());
    set("hostname", spec.hostname.clone());
    set("image", spec.image.clone());
    if let Some(image_id) = &spec.image_id {
        set("image_id", image_id.clone());
    }
    // Empty lists are the image's or the engine's own and not ours to compare.
    if !spec.command.is_empty() {
        set("command", json(&spec.command));
    }
    for (name, value) in &spec.env {
        set(&format!("env.{name}"), value.clone());
    }
    if let Some(user) = &spec.user {
        set("user", user.clone());
    }
    set("init", spec.init.to_string());
    set("read_only_root", spec.read_only_root.to_string());
    for (path, options) in &spec.tmpfs {
        set(&format!("tmpfs.{path}"), sorted_words(options.split(',')));
    }
    for (path, mount) in &spec.mounts {
        let mode = match mount.mode {
            MountMode::ReadOnly => "ro",
            MountMode::ReadWrite => "rw",
        };
        set(&format!("mount.{path}"), format!("{}:{mode}", mount.volume));
    }
    set("network", spec.network.clone());
    for port in &spec.published {
        let path = format!("published.{}:{}", port.host_ip, port.host_port);
        set(&path, port.container_port.to_string());
    }
    set(
        "cap_drop",
        sorted_words(spec.cap_drop.iter().map(String::as_str)),
    );
    if !spec.cap_add.is_empty() {
        set(
            "cap_add",
            sorted_words(spec.cap_add.iter().map(String::as_str)),
        );
    }
    set(
        "security_opt",
        sorted_words(spec.security_opt.iter().map(String::as_str)),
    );
    set("restart", spec.restart.as_str().to_owned());
    set("stop_grace_seconds", spec.stop_grace_seconds.to_string());
    fields.extend(limit_fields(&spec.limits));
    if let Some(log) = &spec.log {
        fields.insert("log.max_size".to_owned(), Field::text(&log.max_size));
        let max_file = Field::text(log.max_file.to_string());
        fields.insert("log.max_file".to_owned(), max_file);
    }
    if let Some(health) = &spec.health {
        fields.extend(health_fields(health));
    }
    fields
}

/// As the configuration writes them: `1g`, `1.5`. What has no limit has no field.
fn limit_fields(limits: &Limits) -> Fields {
    [
        ("memory", limits.memory_bytes.map(size)),
        ("cpus", limits.milli_cpus.map(thousandths)),
        ("pids", limits.pids.map(|pids| pids.to_string())),
    ]
    .into_iter()
    .filter_map(|(path, value)| Some((path.to_owned(), Field::Text(value?))))
    .collect()
}

/// In the largest unit that leaves no remainder.
fn size(bytes: u64) -> String {
    [(40, "t"), (30, "g"), (20, "m"), (10, "k")]
        .into_iter()
        .find(|(power, _)| bytes >> power > 0 && bytes.is_multiple_of(1 << power))
        .map_or_else(
            || bytes.to_string(),
            |(power, unit)| format!("{}{unit}", bytes >> power),
        )
}

fn thousandths(milli: u32) -> String {
    let text = format!("{}.{:03}", milli / 1000, milli % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn health_fields(health: &HealthCheck) -> Fields {
    [
        ("health.command", json(&health.command)),
        (
            "health.interval_seconds",
            health.interval_seconds.to_string(),
        ),
        ("health.timeout_seconds", health.timeout_seconds.to_string()),
        ("health.retries", health.retries.to_string()),
        ("health.start_seconds", health.start_seconds.to_string()),
    ]
    .into_iter()
    .map(|(path, value)| (path.to_owned(), Field::Text(value)))
    .collect()
}

fn process_fields(process: &ProcessSpec) -> Fields {
    let mut fields = Fields::from([
        (
            "folder".to_owned(),
            Field::text(process.folder.display().to_string()),
        ),
        (
            "program".to_owned(),
            Field::text(process.program.display().to_string()),
        ),
        (
            "program_digest".to_owned(),
            Field::text(&process.program_digest),
        ),
        ("args".to_owned(), Field::text(json(&process.args))),
    ]);
    if let Some(port) = process.port {
        fields.insert("port".to_owned(), Field::text(port.to_string()));
    }
    fields
}

fn role_fields(role: &RoleSpec) -> Fields {
    let mut fields = Fields::new();
    let mut set = |path: &str, value: &str| fields.insert(path.to_owned(), Field::text(value));
    set("datahub", &role.datahub);
    set("database", &role.database);
    set("role", &role.role);
    set("password_file", &role.password_file);
    match &role.far {
        None => set("secret", &role.secret_native_name),
        Some(far) => {
            if let Some(made) = &far.made {
                set("secret_made", &made.0);
            }
            // The datahub's target knows nothing of what others call their things.
            set("secret_target", far.target.as_str())
        }
    };
    fields
}

fn sorted_words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut words: Vec<&str> = words.collect();
    words.sort_unstable();
    words.join(",")
}

fn json<T: Serialize>(value: &T) -> String {
    // Strings, lists and maps with string keys always serialise.
    serde_json::to_string(value).unwrap_or_default()
}

fn short_sha256(text: &str, hex_digits: usize) -> String {
    let mut hex = HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
    hex.truncate(hex_digits);
    hex
}

#[cfg(test)]
mod tests;
