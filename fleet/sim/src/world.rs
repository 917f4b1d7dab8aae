//! What is there on one target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rivetos_fleet::FleetId;
use rivetos_fleet::model::{
    Fields, Fingerprint, InventoryError, Kind, Life, Observed, Owner, Predecessor, Protection,
    ResourceId, Spec, SpecHash, TargetId, Uid,
};
use rivetos_fleet::port::Holder;

/// A target in memory that holds objects of one fleet and of others.
#[derive(Debug)]
pub struct SimWorld {
    pub(crate) fleet: FleetId,
    pub(crate) target: TargetId,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) objects: BTreeMap<String, Object>,
    pub(crate) made: u64,
    pub(crate) ports_in_use: BTreeSet<u16>,
    pub(crate) unseen: Vec<InventoryError>,
    pub(crate) architecture: Option<String>,
    pub(crate) may_delete_data: bool,
    /// Who has the fleet's lock, and which one of all locks that ever were it is.
    pub(crate) lock: Option<(u64, Holder)>,
    /// Whether what starts during a swap does not prove itself.
    pub(crate) gate_fails: bool,
    /// How many steps were asked for so far.
    pub(crate) steps: usize,
    /// How many calls of the present step are left until the tool is killed.
    pub(crate) calls_left: Option<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) id: ResourceId,
    pub(crate) uid: Option<Uid>,
    pub(crate) native_name: String,
    pub(crate) owner: Owner,
    pub(crate) spec_hash: Option<SpecHash>,
    pub(crate) fields: Fields,
    pub(crate) born: Fields,
    pub(crate) life: Life,
    pub(crate) protection: Protection,
    /// The native id of what it takes the place of.
    pub(crate) replaces: Option<String>,
    /// Counts changes; becomes the fingerprint.
    pub(crate) generation: u64,
    /// Native ids of what it was made from.
    pub(crate) made_from: BTreeSet<String>,
}

impl SimWorld {
    /// An empty `target` for `fleet`.
    pub fn new(fleet: FleetId, target: TargetId) -> Self {
        Self {
            fleet,
            target,
            state: Mutex::default(),
        }
    }

    /// Which one it is.
    pub fn target(&self) -> &TargetId {
        &self.target
    }

    /// Everything on the target that is an object, in the words of an inventory: for assertions
    /// that go past what a provider would show.
    pub fn everything(&self) -> Vec<Observed> {
        self.state()
            .objects
            .iter()
            .map(|(id, object)| object.observed(id))
            .collect()
    }

    /// How many steps were asked for so far.
    pub fn steps(&self) -> usize {
        self.state().steps
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panicking test leaves nothing half-done that another one reads.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for SimWorld {
    /// Another target that is just like this one now.
    fn clone(&self) -> Self {
        Self {
            fleet: self.fleet.clone(),
            target: self.target.clone(),
            state: Mutex::new(self.state().clone()),
        }
    }
}

impl State {
    /// Puts `object` into the world under a new native id.
    pub(crate) fn add(&mut self, object: Object) -> String {
        self.made += 1;
        let native_id = match object.id.kind {
            Kind::Image => image_id(&object.native_name, self.made),
            Kind::Network
            | Kind::Volume
            | Kind::Config
            | Kind::Secret
            | Kind::Datahub
            | Kind::Role
            | Kind::Agent => format!("n{:04}", self.made),
        };
        self.objects.insert(native_id.clone(), object);
        native_id
    }

    /// The object of the fleet that bears the address `id`; of several the newest.
    pub(crate) fn ours(&self, id: &ResourceId) -> Option<(&String, &Object)> {
        let is_meant = |object: &Object| object.id == *id && object.owner == Owner::Ours;
        let mut found = self.objects.iter().filter(|(_, object)| is_meant(object));
        found.next_back()
    }

    /// The object of the fleet with this identity; of several the newest.
    pub(crate) fn of(&self, uid: &Uid) -> Option<(&String, &Object)> {
        let is_meant =
            |object: &Object| object.uid.as_ref() == Some(uid) && object.owner == Owner::Ours;
        let mut found = self.objects.iter().filter(|(_, object)| is_meant(object));
        found.next_back()
    }

    /// The image that `reference` stands for.
    pub(crate) fn image(&self, reference: &str) -> Option<(&String, &Object)> {
        self.named(Kind::Image, reference)
    }

    /// Whoever bears `name` among objects that share names with `kind`.
    pub(crate) fn named(&self, kind: Kind, name: &str) -> Option<(&String, &Object)> {
        self.objects.iter().find(|(_, object)| {
            object.native_name == name && namespace(object.id.kind) == namespace(kind)
        })
    }
}

impl Object {
    pub(crate) fn observed(&self, native_id: &str) -> Observed {
        Observed {
            id: self.id.clone(),
            uid: self.uid.clone(),
            native_id: native_id.to_owned(),
            native_name: self.native_name.clone(),
            owner: self.owner.clone(),
            spec_hash: self.spec_hash.clone(),
            fields: self.fields.clone(),
            born: self.born.clone(),
            life: self.life.clone(),
            predecessor: None,
            protection: self.protection,
            fingerprint: self.fingerprint(),
        }
    }

    pub(crate) fn as_predecessor(&self, native_id: &str) -> Predecessor {
        Predecessor {
            native_id: native_id.to_owned(),
            native_name: self.native_name.clone(),
            fingerprint: self.fingerprint(),
        }
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint(format!("g{}", self.generation))
    }

    pub(crate) fn runs(&self) -> bool {
        self.life == Life::Running
    }

    /// Whether it was made to take another one's place and was not started yet.
    pub(crate) fn waits_in_line(&self) -> bool {
        self.replaces.is_some() && matches!(self.life, Life::Incomplete(_))
    }
}

/// Kinds whose names collide on a target.
fn namespace(kind: Kind) -> u8 {
    match kind {
        Kind::Network => 0,
        Kind::Volume | Kind::Config | Kind::Secret => 1,
        Kind::Image => 2,
        Kind::Datahub | Kind::Agent => 3,
        Kind::Role => 4,
    }
}

/// An id of its own for the image of this name that is made as the `made`th object.
fn image_id(reference: &str, made: u64) -> String {
    let hash = reference.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("sha256:{hash:08x}{made:04}")
}

/// How the target calls what `spec` describes.
pub(crate) fn native_name(spec: &Spec) -> String {
    match spec {
        Spec::Network(network) => network.native_name.clone(),
        Spec::Volume(volume) => volume.native_name.clone(),
        Spec::Files(files) => files.native_name.clone(),
        Spec::Image(image) => image.reference.clone(),
        Spec::Container(container) => container.native_name.clone(),
        Spec::Process(process) => process.folder.display().to_string(),
        Spec::Role(role) => role.role.clone(),
    }
}

/// Whether something made of `spec` runs once it is made.
pub(crate) fn life_when_made(spec: &Spec) -> Life {
    match spec {
        Spec::Container(_) | Spec::Process(_) => Life::Running,
        Spec::Network(_) | Spec::Volume(_) | Spec::Files(_) | Spec::Image(_) | Spec::Role(_) => {
            Life::Present
        }
    }
}

/// What something made of `spec` is between the first and the last call of making it.
pub(crate) fn life_when_begun(spec: &Spec) -> Life {
    match spec {
        Spec::Container(_) | Spec::Process(_) => {
            Life::Incomplete("it was never started".to_owned())
        }
        Spec::Files(_) => Life::Incomplete("its files were not delivered".to_owned()),
        Spec::Network(_) | Spec::Volume(_) | Spec::Image(_) | Spec::Role(_) => Life::Present,
    }
}
