//! A world that somebody described in a file, so that a plan can be seen for it without any
//! target: `rivetos infra preview --against sim:FILE`.

use std::collections::{BTreeMap, BTreeSet};

use rivetos_fleet::FleetId;
use rivetos_fleet::model::{
    DesiredSet, ErrorScope, Field, InventoryError, Kind, Layout, Life, Owner, Protection,
    ResourceId, SpecHash, TargetId, Uid,
};
use serde::Deserialize;
use thiserror::Error;

use crate::fleet::SimFleet;
use crate::world::{Object, SimWorld, State};

/// A world as its file says it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldFile {
    /// What there is before anything else is said.
    #[serde(default)]
    starts: Start,
    /// What is different on each target.
    #[serde(default)]
    targets: BTreeMap<TargetId, TargetText>,
}

/// What there is before anything else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Start {
    /// Nothing but the images that the fleet wants.
    #[default]
    Empty,
    /// Everything as the configuration has it.
    AsConfigured,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetText {
    /// Whether it answers at all.
    #[serde(default = "yes")]
    answers: bool,
    /// As images name it.
    architecture: Option<String>,
    /// Kinds and addresses that cannot be seen.
    #[serde(default)]
    hidden: Vec<Hidden>,
    /// Loopback ports that somebody listens on.
    #[serde(default)]
    ports_in_use: BTreeSet<u16>,
    /// By address.
    #[serde(default)]
    objects: BTreeMap<ResourceId, ObjectText>,
}

fn yes() -> bool {
    true
}

/// A kind or an address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Hidden(ErrorScope);

impl TryFrom<String> for Hidden {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == text) {
            return Ok(Self(ErrorScope::Kind(kind)));
        }
        text.parse().map(|id| Self(ErrorScope::Resource(id)))
    }
}

/// How one object differs from what the configuration wants at its address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectText {
    /// Whether it is there and works.
    #[serde(default)]
    state: StateText,
    /// How it ended, when it is stopped.
    ended: Option<String>,
    /// Its name there; needed where the configuration does not have the address.
    name: Option<String>,
    /// Whose it is.
    #[serde(default)]
    owner: OwnerText,
    /// What it was made from, as its label says.
    #[serde(default)]
    made_from: MadeFrom,
    /// The address that it was born with, where it was renamed since.
    born_as: Option<ResourceId>,
    /// Whether its label says that it must never be removed.
    protected: Option<bool>,
    /// Fields that are not as configured; `null`: not set.
    #[serde(default)]
    fields: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateText {
    #[default]
    Working,
    Stopped,
    Unfinished,
    Absent,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OwnerText {
    #[default]
    Ours,
    Foreign,
    OtherFleet(FleetId),
}

/// What the label of an object says about what it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MadeFrom {
    /// The configuration as it is now: what differs was changed by hand.
    #[default]
    ThisConfiguration,
    /// An older configuration: what differs was changed there.
    AnOlderOne,
    /// Something that this version cannot read.
    AnotherVersion,
}

/// Why a described world cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WorldError {
    /// The text is not what a world is written like. Says where.
    #[error("{0}")]
    Syntax(String),
    /// It describes targets that the fleet does not have.
    #[error("the fleet has no target {}", list(.0))]
    UnknownTargets(Vec<TargetId>),
    /// Nothing is known of the object but its address.
    #[error("the configuration has no {id} on {target}, so the world must say its `name`")]
    NoName {
        /// The target.
        target: TargetId,
        /// The address.
        id: ResourceId,
    },
}

impl WorldFile {
    /// Reads the text of a world.
    pub fn parse(text: &str) -> Result<Self, WorldError> {
        serde_saphyr::from_str(text)
            .map_err(|error| WorldError::Syntax(error.without_snippet().to_string()))
    }

    /// The world around `layout`: what its configuration wants and what this file says besides.
    pub fn around(&self, fleet: &FleetId, layout: &Layout) -> Result<SimFleet, WorldError> {
        let known = |target: &&TargetId| layout.contains_key(*target);
        let unknown: Vec<TargetId> = self
            .targets
            .keys()
            .filter(|target| !known(target))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            return Err(WorldError::UnknownTargets(unknown));
        }
        let sim = SimFleet::new(fleet.clone());
        for (target, set) in layout {
            let world = sim.at(target);
            match self.starts {
                Start::AsConfigured => world.settle(set),
                Start::Empty => world.provide_images(set),
            }
            if let Some(text) = self.targets.get(target) {
                text.bring_about(&world, set)?;
            }
        }
        Ok(sim)
    }
}

impl TargetText {
    fn bring_about(&self, world: &SimWorld, set: &DesiredSet) -> Result<(), WorldError> {
        let mut state = world.state();
        state.architecture.clone_from(&self.architecture);
        state.ports_in_use.clone_from(&self.ports_in_use);
        for (id, text) in &self.objects {
            let old = state.ours(id).map(|(native_id, _)| native_id.clone());
            if let Some(native_id) = old {
                state.objects.remove(&native_id);
            }
            if text.state != StateText::Absent {
                let object = text.object(id, (&state, &world.target), set)?;
                state.add(object);
            }
        }
        let unseen = |scope: ErrorScope, message: &str| InventoryError {
            scope,
            message: message.to_owned(),
        };
        if !self.answers {
            state
                .unseen
                .push(unseen(ErrorScope::Target, "the target does not answer"));
        }
        for Hidden(scope) in &self.hidden {
            state
                .unseen
                .push(unseen(scope.clone(), "the world hides it"));
        }
        Ok(())
    }
}

impl ObjectText {
    fn object(
        &self,
        id: &ResourceId,
        (state, target): (&State, &TargetId),
        set: &DesiredSet,
    ) -> Result<Object, WorldError> {
        let mut object = match (set.resources.get(id), &self.name) {
            (Some(wanted), _) => state.as_configured(wanted, state.foundations_at_hand(wanted)),
            (None, Some(name)) => bare(set, id, name),
            (None, None) => {
                return Err(WorldError::NoName {
                    target: target.clone(),
                    id: id.clone(),
                });
            }
        };
        if let Some(name) = &self.name {
            object.native_name.clone_from(name);
            object.fields.insert("name".to_owned(), Field::text(name));
        }
        if let Some(born_as) = &self.born_as {
            object.uid = Some(Uid::derive(&set.fleet, born_as));
        }
        if let Some(protected) = self.protected {
            object.protection = if protected {
                Protection::Protected
            } else {
                Protection::None
            };
        }
        for (name, value) in &self.fields {
            match value {
                Some(value) => object.fields.insert(name.clone(), Field::text(value)),
                None => object.fields.remove(name),
            };
        }
        match self.made_from {
            MadeFrom::ThisConfiguration => {}
            MadeFrom::AnOlderOne => {
                object.spec_hash = object
                    .spec_hash
                    .map(|hash| SpecHash(format!("{hash}-older")));
                object.born.clone_from(&object.fields);
            }
            MadeFrom::AnotherVersion => object.spec_hash = Some(SpecHash("v0:".to_owned())),
        }
        self.set_life(&mut object);
        self.set_owner(&mut object);
        Ok(object)
    }

    fn set_life(&self, object: &mut Object) {
        match self.state {
            StateText::Working | StateText::Absent => {}
            StateText::Stopped => {
                let how = self.ended.as_deref().unwrap_or("exited with code 0");
                object.life = Life::Stopped(how.to_owned());
            }
            StateText::Unfinished => {
                object.life = Life::Incomplete("the world says so".to_owned());
            }
        }
    }

    fn set_owner(&self, object: &mut Object) {
        let owner = match &self.owner {
            OwnerText::Ours => return,
            OwnerText::Foreign => Owner::Foreign,
            OwnerText::OtherFleet(fleet) => Owner::OtherFleet(fleet.clone()),
        };
        object.owner = owner;
        object.uid = None;
        object.spec_hash = None;
    }
}

/// An object of which the configuration says nothing.
fn bare(set: &DesiredSet, id: &ResourceId, name: &str) -> Object {
    let life = match id.kind {
        Kind::Datahub | Kind::Agent => Life::Running,
        Kind::Network | Kind::Volume | Kind::Image | Kind::Config | Kind::Secret | Kind::Role => {
            Life::Present
        }
    };
    Object {
        id: id.clone(),
        uid: Some(Uid::derive(&set.fleet, id)),
        native_name: name.to_owned(),
        owner: Owner::Ours,
        spec_hash: None,
        fields: BTreeMap::new(),
        born: BTreeMap::new(),
        life,
        protection: Protection::None,
        replaces: None,
        generation: 0,
        made_from: BTreeSet::new(),
    }
}

fn list(targets: &[TargetId]) -> String {
    let names: Vec<String> = targets.iter().map(|target| format!("`{target}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_world_cannot_say_is_refused_with_its_place() {
        for (text, message) in [
            (
                "starts: empty\nworlds: {}\n",
                "unknown field `worlds`, expected one of starts, targets at line 2, column 1",
            ),
            (
                "targets:\n  docker:\n    objects:\n      agents/ada: {}\n",
                "`agents` is not a kind of resource at line 4, column 7",
            ),
            (
                "targets:\n  docker:\n    hidden: [agnet]\n",
                "`agnet` is not of the form kind/name at line 3, column 14",
            ),
        ] {
            let error = WorldFile::parse(text).unwrap_err();
            assert_eq!(error, WorldError::Syntax(message.to_owned()));
        }
    }
}
