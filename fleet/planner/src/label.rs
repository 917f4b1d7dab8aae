//! What we write on live objects, and how it is read back.
//!
//! Labels are the only memory of a fleet: who owns an object, which resource it is and what it
//! was made from. They never hold a secret; a given secret leaves a keyed short hash.

use std::collections::BTreeMap;

use rivetos_config::FleetId;

use crate::model::{Desired, Field, Fields, FilesSpec, Owner, ResourceId, Spec, SpecHash, Uid};

/// Who made the object: [`MANAGER`] when it was us.
pub const MANAGED_BY: &str = "io.rivetos.managed-by";
/// The value of [`MANAGED_BY`] on everything we make.
pub const MANAGER: &str = "rivetos-fleet";
/// The fleet that the object belongs to.
pub const FLEET: &str = "io.rivetos.fleet";
/// The resource that the object is, for example `agent/opus`.
pub const ADDR: &str = "io.rivetos.addr";
/// The resource's identity.
pub const UID: &str = "io.rivetos.uid";
/// [`Spec::hash`] of what the object was made from.
pub const SPEC_HASH: &str = "io.rivetos.spec-hash";
/// What each file of a files resource holds, without its content: see [`Identity::files`].
pub const FILES: &str = "io.rivetos.files";
/// [`Spec::live_fields`] as the object was made with them, as a JSON object.
pub const LIVE: &str = "io.rivetos.live";
/// On a container that took the place of another one: the engine's id of that one.
pub const REPLACES: &str = "io.rivetos.replaces";
/// On a claim, an object that is there only to say something about another one whose labels
/// cannot be changed: what it says, see [`Claim`].
pub const CLAIM: &str = "io.rivetos.claim";
/// On a claim: how the target calls the object that it is about.
pub const NATIVE: &str = "io.rivetos.native";
/// On a container through which files get into a volume: the address of the files resource.
pub const CARRIER: &str = "io.rivetos.carrier";

/// On the object that is the fleet's lock: its holder as it was when the lock was taken, as JSON.
pub const LOCK: &str = "io.rivetos.lock";

/// The labels of the live object that is made for `desired`.
pub fn labels(fleet: &FleetId, desired: &Desired) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([
        (MANAGED_BY.to_owned(), MANAGER.to_owned()),
        (FLEET.to_owned(), fleet.to_string()),
        (ADDR.to_owned(), desired.id.to_string()),
        (UID.to_owned(), desired.uid.to_string()),
        (SPEC_HASH.to_owned(), desired.spec.hash().to_string()),
    ]);
    if let Spec::Files(files) = &desired.spec {
        labels.insert(FILES.to_owned(), write_files(files));
    }
    let live = desired.spec.live_fields();
    if !live.is_empty() {
        labels.insert(LIVE.to_owned(), write_fields(&live));
    }
    labels
}

/// What a claim says about the object that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// It is ours although it bears none of our labels.
    Adopt,
    /// It is not ours although it bears our labels.
    Forget,
    /// It must not be removed.
    Protect,
}

impl Claim {
    /// As on the label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adopt => "adopt",
            Self::Forget => "forget",
            Self::Protect => "protect",
        }
    }

    /// What the label says; `None` for what a newer version may say.
    pub fn from_label(text: &str) -> Option<Self> {
        [Self::Adopt, Self::Forget, Self::Protect]
            .into_iter()
            .find(|claim| claim.as_str() == text)
    }
}

/// What the labels of a live object say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whose the object is. Ours exactly when manager and fleet both match.
    pub owner: Owner,
    /// The resource that it is; absent when it bears no address that we understand.
    pub id: Option<ResourceId>,
    /// The resource's identity.
    pub uid: Option<Uid>,
    /// What it was made from.
    pub spec_hash: Option<SpecHash>,
    /// For a files resource: one field `files.<path>` per file, as [`Spec::fields`] gives them.
    pub files: Fields,
    /// See [`LIVE`].
    pub live: Fields,
}

impl Identity {
    /// Reads the labels of an object (any map of strings) from the point of view of `fleet`.
    pub fn from_labels<'a>(
        labels: impl IntoIterator<Item = (&'a String, &'a String)>,
        fleet: &FleetId,
    ) -> Self {
        let labels: BTreeMap<&str, &str> = labels
            .into_iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        Self {
            owner: owner(&labels, fleet),
            id: labels.get(ADDR).and_then(|text| text.parse().ok()),
            uid: labels.get(UID).map(|text| Uid((*text).to_owned())),
            spec_hash: labels
                .get(SPEC_HASH)
                .map(|text| SpecHash((*text).to_owned())),
            files: labels
                .get(FILES)
                .map(|text| read_files(text))
                .unwrap_or_default(),
            live: labels
                .get(LIVE)
                .map(|text| serde_json::from_str(text).unwrap_or_default())
                .unwrap_or_default(),
        }
    }
}

fn owner(labels: &BTreeMap<&str, &str>, fleet: &FleetId) -> Owner {
    if labels.get(MANAGED_BY) != Some(&MANAGER) {
        return Owner::Foreign;
    }
    match labels.get(FLEET).map(|name| name.parse::<FleetId>()) {
        Some(Ok(name)) if name == *fleet => Owner::Ours,
        Some(Ok(name)) => Owner::OtherFleet(name),
        Some(Err(_)) | None => Owner::Foreign,
    }
}

fn write_fields(fields: &Fields) -> String {
    // Serialising strings by strings cannot fail.
    serde_json::to_string(fields).unwrap_or_default()
}

/// The fields of the files as JSON: short, ordered, and proof against any character in a path.
fn write_files(files: &FilesSpec) -> String {
    let fields: BTreeMap<&str, Field> = files
        .files
        .iter()
        .map(|(path, content)| (path.as_str(), content.field()))
        .collect();
    // Serialising strings by strings cannot fail.
    serde_json::to_string(&fields).unwrap_or_default()
}

/// Files that cannot be read from the label are left out: they compare as missing.
fn read_files(text: &str) -> Fields {
    let fields: BTreeMap<String, Field> = serde_json::from_str(text).unwrap_or_default();
    fields
        .into_iter()
        .map(|(path, field)| (FilesSpec::field_path(&path), field))
        .collect()
}

#[cfg(test)]
mod tests;
