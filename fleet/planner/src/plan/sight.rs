//! The inventory, indexed by what the planner asks of it.

use std::collections::BTreeMap;

use crate::model::{
    Blocked, ErrorScope, Foreign, Inventory, Kind, Observed, Owner, ResourceId, Uid,
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
    inventory: &'a Inventory,
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
        Self {
            inventory,
            by_id,
            ours_by_uid,
        }
    }

    /// What is known of `id`. `uid` is the identity that it must have, where that is known.
    ///
    /// Images are used and never changed, so it does not matter whose they are.
    pub(super) fn at(&self, id: &ResourceId, uid: Option<&Uid>) -> Seen<'a> {
        if let Some(blocked) = self.unseen(id) {
            return Seen::Unclear(blocked);
        }
        let objects: &[&Observed] = self.by_id.get(id).map_or(&[], Vec::as_slice);
        if id.kind == Kind::Image {
            return objects
                .first()
                .map_or(Seen::Absent, |object| Seen::Ours(object));
        }
        if let Some(stranger) = objects.iter().find(|object| object.owner != Owner::Ours) {
            return Seen::Unclear(taken(stranger));
        }
        match objects {
            [] => Seen::Absent,
            [object] => match self.identity_problem(object, uid) {
                Some(blocked) => Seen::Unclear(blocked),
                None => Seen::Ours(object),
            },
            [_, _, ..] => Seen::Unclear(ambiguous(id, objects)),
        }
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
        let mut errors: Vec<_> = self.inventory.errors.iter().collect();
        errors.sort_by(|a, b| (&a.scope, &a.message).cmp(&(&b.scope, &b.message)));
        for error in errors {
            let ids = match &error.scope {
                ErrorScope::Target => Kind::ALL.map(|kind| ResourceId::new(kind, ANY)).to_vec(),
                ErrorScope::Kind(kind) => vec![ResourceId::new(*kind, ANY)],
                ErrorScope::Resource(id) => vec![id.clone()],
            };
            for id in ids {
                unseen.entry(id).or_insert_with(|| not_seen(&error.message));
            }
        }
        unseen
    }

    /// Why nothing can be said about `id`, if a part of the target that holds it was not seen.
    fn unseen(&self, id: &ResourceId) -> Option<Blocked> {
        self.inventory
            .errors
            .iter()
            .filter(|error| match &error.scope {
                ErrorScope::Target => true,
                ErrorScope::Kind(kind) => *kind == id.kind,
                ErrorScope::Resource(resource) => resource == id,
            })
            // The widest cause, and of several the same one whatever their order.
            .min_by(|a, b| (&a.scope, &a.message).cmp(&(&b.scope, &b.message)))
            .map(|error| not_seen(&error.message))
    }

    fn identity_problem(&self, object: &Observed, wanted: Option<&Uid>) -> Option<Blocked> {
        if let (Some(wanted), found) = (wanted, &object.uid)
            && found.as_ref() != Some(wanted)
        {
            return Some(Blocked {
                why: format!(
                    "`{}` bears the address of {} but not its identity",
                    object.native_name, object.id
                ),
                fix: "remove it or its labels by hand if it was copied from another object"
                    .to_owned(),
            });
        }
        let twins = object
            .uid
            .as_ref()
            .and_then(|uid| self.ours_by_uid.get(uid))?;
        (twins.len() > 1).then(|| ambiguous(&object.id, twins))
    }
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
