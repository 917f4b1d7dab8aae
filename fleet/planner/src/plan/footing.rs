//! What stands on what, told by names alone: no configuration describes it any more.

use std::collections::BTreeMap;

use crate::model::{Kind, ResourceId};

use super::sight::ANY;

/// Which resources of one kind stand on a resource of an earlier kind.
enum Footing {
    None,
    Every,
    /// Those of its name, and what stands for the whole kind.
    Namesakes,
}

fn footing(user: Kind, foundation: &ResourceId) -> Footing {
    let is_node = matches!(user, Kind::Datahub | Kind::Agent);
    match foundation.kind {
        Kind::Network if is_node => Footing::Every,
        Kind::Datahub if matches!(user, Kind::Role | Kind::Agent) => Footing::Every,
        // There is one datahub, and what it is made from bears its name.
        Kind::Volume | Kind::Config | Kind::Secret
            if user == Kind::Datahub && foundation.name == Kind::Datahub.as_str() =>
        {
            Footing::Every
        }
        Kind::Volume | Kind::Config | Kind::Secret if is_node => Footing::Namesakes,
        Kind::Network
        | Kind::Volume
        | Kind::Image
        | Kind::Config
        | Kind::Secret
        | Kind::Datahub
        | Kind::Role
        | Kind::Agent => Footing::None,
    }
}

/// Resources that may stand on others, each with something known of it; found without comparing
/// each with each.
pub(super) struct Users<T> {
    by_kind: BTreeMap<Kind, BTreeMap<String, Vec<T>>>,
}

impl<T> Users<T> {
    pub(super) fn new() -> Self {
        Self {
            by_kind: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, id: &ResourceId, known: T) {
        let names = self.by_kind.entry(id.kind).or_default();
        names.entry(id.name.clone()).or_default().push(known);
    }

    /// What is known of those that stand on `foundation`, in the order of their addresses.
    pub(super) fn of(&self, foundation: &ResourceId) -> impl Iterator<Item = &T> {
        self.by_kind.iter().flat_map(move |(kind, names)| {
            let (every, namesakes) = match footing(*kind, foundation) {
                Footing::None => (None, None),
                Footing::Every => (Some(names), None),
                // What stands for a whole kind sorts before every name.
                Footing::Namesakes => (None, Some([ANY, &foundation.name])),
            };
            let namesakes = namesakes.into_iter().flatten();
            every
                .into_iter()
                .flat_map(BTreeMap::values)
                .chain(namesakes.filter_map(|name| names.get(name)))
                .flatten()
        })
    }
}
