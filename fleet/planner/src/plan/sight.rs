//! The inventory, indexed by what the planner asks of it.

use std::collections::BTreeMap;

use crate::model::{
    Blocked, Desired, ErrorScope, Foreign, Inventory, Kind, Observed, Owner, ResourceId, Spec, Uid,
};

/// The name that stands for every resource of a kind.
pub(super) const ANY: &str = "*";

/// What is known of one address.
pub(super) enum Seen<'a> {
    /// Nothing bears the address or its name.
    Absent,
    /// One object of ours.
    Ours(&'a Observed),
    /// It cannot be told; nothing may be done there.
    Unclear(Blocked),
}

/// An index over an inventory. Independent of the order of its lists.
pub(super) struct Sight<'a> {
    /// What was not seen, and why; of several reasons the first in the order of their letters.
    unseen: BTreeMap<&'a ErrorScope, &'a str>,
    by_id: BTreeMap<&'a ResourceId, Vec<&'a Observed>>,
    ours_by_uid: BTreeMap<&'a Uid, Vec<&'a Observed>>,
}

impl<'a> Sight<'a> {
    pub(super) fn new(inventory: &'a Inventory) -> Self {
        let mut objects: Vec<&Observed> = inventory.observed.iter().collect();
        objects.sort_by(|a, b| (&a.id, &a.native_id).cmp(&(&b.id, &b.native_id)));
        let mut by_id: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut ours_by_uid: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for object in objects {
            by_id.entry(&object.id).or_default().push(object);
            if let (Owner::Ours, Some(uid)) = (&object.owner, &object.uid) {
                ours_by_uid.entry(uid).or_default().push(object);
            }
        }
        let mut errors: Vec<_> = inventory.errors.iter().collect();
        errors.sort_by(|a, b| (&b.scope, &b.message).cmp(&(&a.scope, &a.message)));
        Self {
            unseen: errors
                .into_iter()
                .map(|error| (&error.scope, error.message.as_str()))
                .collect(),
            by_id,
            ours_by_uid,
        }
    }

    /// What is known of `wanted`. An object with its identity is meant whatever address it bears:
    /// it was renamed.
    ///
    /// Images are used and never changed, so it does not matter whose they are.
    pub(super) fn at(&self, wanted: &Desired) -> Seen<'a> {
        let id = &wanted.id;
        if let Some(blocked) = self.unseen(id) {
            return Seen::Unclear(blocked);
        }
        let at_address: &[&Observed] = self.by_id.get(id).map_or(&[], Vec::as_slice);
        if id.kind == Kind::Image {
            return at_address
                .first()
                .map_or(Seen::Absent, |object| Seen::Ours(object));
        }
        if let Some(blocked) = at_address
            .iter()
            .find_map(|object| in_the_way(object, &wanted.uid))
        {
            return Seen::Unclear(blocked);
        }
        if let Some(name) = incarnation_name(wanted) {
            let incarnations = self.of(&wanted.uid);
            if has_copy(incarnations) {
                return Seen::Unclear(ambiguous(id, incarnations));
            }
            let found = incarnations.iter().find(|o| o.native_name == name);
            return found.map_or(Seen::Absent, |object| Seen::Ours(object));
        }
        match self.of(&wanted.uid) {
            [] => Seen::Absent,
            [object] => Seen::Ours(object),
            twins @ [_, _, ..] => Seen::Unclear(ambiguous(id, twins)),
        }
    }

    /// Earlier incarnations of `wanted`, which stay beside it until nobody uses them.
    pub(super) fn superseded(&self, wanted: &Desired) -> impl Iterator<Item = &'a Observed> {
        let name = incarnation_name(wanted).map(str::to_owned);
        self.of(&wanted.uid).iter().copied().filter(move |object| {
            name.as_ref()
                .is_some_and(|name| object.native_name != *name)
        })
    }

    /// Why `object` of ours must not go now, if there is a reason.
    pub(super) fn doubt(&self, object: &Observed) -> Option<Blocked> {
        if let Some(blocked) = self.unseen(&object.id) {
            return Some(blocked);
        }
        let objects: &[&Observed] = self.by_id.get(&object.id).map_or(&[], Vec::as_slice);
        if let Some(stranger) = objects.iter().find(|other| other.owner != Owner::Ours) {
            return Some(taken(stranger));
        }
        let twins = object.uid.as_ref().map_or(&[][..], |uid| self.of(uid));
        // Several incarnations of it may be there at once, and all of them are ours.
        if has_incarnations(object.id.kind) {
            return has_copy(twins).then(|| ambiguous(&object.id, twins));
        }
        let rivals = if twins.len() > 1 { twins } else { objects };
        (rivals.len() > 1).then(|| ambiguous(&object.id, rivals))
    }

    /// The objects of ours with this identity.
    fn of(&self, uid: &Uid) -> &[&'a Observed] {
        self.ours_by_uid.get(uid).map_or(&[], Vec::as_slice)
    }

    /// Every object of ours, by address; objects that share an address all are there.
    pub(super) fn ours(&self) -> impl Iterator<Item = &'a Observed> {
        self.by_id
            .values()
            .flatten()
            .copied()
            .filter(|object| object.owner == Owner::Ours)
    }

    /// Everything that is not ours and in our way.
    pub(super) fn foreign(&self) -> Vec<Foreign> {
        let mut foreign: Vec<Foreign> = self
            .by_id
            .values()
            .flatten()
            .filter(|object| object.owner != Owner::Ours && object.id.kind != Kind::Image)
            .map(|object| Foreign {
                resource: object.id.clone(),
                native_name: object.native_name.clone(),
                owner: object.owner.to_string(),
            })
            .collect();
        foreign.sort();
        foreign
    }

    /// What may be there unseen. Where a whole kind was not seen it is named `kind/*`.
    pub(super) fn unseen_ids(&self) -> BTreeMap<ResourceId, Blocked> {
        let mut unseen = BTreeMap::new();
        for (scope, message) in &self.unseen {
            let ids = match scope {
                ErrorScope::Target => Kind::ALL.map(|kind| ResourceId::new(kind, ANY)).to_vec(),
                ErrorScope::Kind(kind) => vec![ResourceId::new(*kind, ANY)],
                ErrorScope::Resource(id) => vec![id.clone()],
            };
            for id in ids {
                unseen.entry(id).or_insert_with(|| not_seen(message));
            }
        }
        unseen
    }

    /// What of that would be left behind unnoticed: images are nobody's, and logins go and stay with
    /// their datahub's volume.
    pub(super) fn left_unseen(&self) -> BTreeMap<ResourceId, Blocked> {
        let mut unseen = self.unseen_ids();
        unseen.retain(|id, _| !matches!(id.kind, Kind::Image | Kind::Role));
        unseen
    }

    /// Why nothing can be said about `id`, if a part of the target that holds it was not seen. Of
    /// several causes the widest one.
    fn unseen(&self, id: &ResourceId) -> Option<Blocked> {
        if self.unseen.is_empty() {
            return None;
        }
        let message = self
            .unseen
            .get(&ErrorScope::Target)
            .or_else(|| self.unseen.get(&ErrorScope::Kind(id.kind)))
            .or_else(|| self.unseen.get(&ErrorScope::Resource(id.clone())))?;
        Some(not_seen(message))
    }
}

/// The name that tells one incarnation of `wanted` from another, where several may be there at
/// once: files on an engine are named by what they hold, and a container that lives goes over to
/// another network.
pub(super) fn incarnation_name(wanted: &Desired) -> Option<&str> {
    match &wanted.spec {
        Spec::Files(files) if files.carrier_image.is_some() => Some(&files.native_name),
        Spec::Network(network) => Some(&network.native_name),
        Spec::Files(_)
        | Spec::Volume(_)
        | Spec::Image(_)
        | Spec::Container(_)
        | Spec::Process(_)
        | Spec::Role(_) => None,
    }
}

fn has_incarnations(kind: Kind) -> bool {
    matches!(kind, Kind::Config | Kind::Secret | Kind::Network)
}

/// Whether two of these say that they were made for the very same specification, of which the name
/// is a part: nobody can tell which one was copied from the other.
fn has_copy(incarnations: &[&Observed]) -> bool {
    let hashes = incarnations.iter().filter_map(|one| one.spec_hash.as_ref());
    let mut hashes: Vec<&str> = hashes.map(|hash| hash.0.as_str()).collect();
    hashes.sort_unstable();
    hashes.windows(2).any(|pair| pair.first() == pair.last())
}

/// Why `object` keeps a resource from its address, if it does.
fn in_the_way(object: &Observed, wanted: &Uid) -> Option<Blocked> {
    if object.owner != Owner::Ours {
        return Some(taken(object));
    }
    (object.uid.as_ref() != Some(wanted)).then(|| Blocked {
        why: format!(
            "`{}` bears the address of {} but not its identity",
            object.native_name, object.id
        ),
        fix: "remove it or its labels by hand if it was copied from another object".to_owned(),
    })
}

fn not_seen(message: &str) -> Blocked {
    Blocked {
        why: format!("it could not be seen: {message}"),
        fix: "see that the target answers, then run this again".to_owned(),
    }
}

fn taken(stranger: &Observed) -> Blocked {
    Blocked {
        why: format!(
            "its name `{}` is taken: {}",
            stranger.native_name,
            owner_of(stranger)
        ),
        fix: format!(
            "rename or remove `{}`, or choose another name",
            stranger.native_name
        ),
    }
}

fn owner_of(stranger: &Observed) -> String {
    match &stranger.owner {
        Owner::Ours => "it is this fleet's".to_owned(),
        Owner::OtherFleet(fleet) => format!("it belongs to fleet `{fleet}`"),
        Owner::Foreign => "it was not made by RivetOS".to_owned(),
    }
}

fn ambiguous(id: &ResourceId, objects: &[&Observed]) -> Blocked {
    let names: Vec<String> = objects
        .iter()
        .map(|object| format!("`{}`", object.native_name))
        .collect();
    Blocked {
        why: format!(
            "{} objects claim to be {id}: {}",
            names.len(),
            names.join(", ")
        ),
        fix: "remove all but the real one by hand; copies keep the labels of their origin"
            .to_owned(),
    }
}
