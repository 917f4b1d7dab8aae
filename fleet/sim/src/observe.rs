//! The target as a provider sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, ready};

use rivetos_fleet::model::{
    Desired, DesiredSet, ErrorScope, Field, Fields, Fingerprint, Inventory, Kind, Life, Observed,
    Owner, Protection, ResourceId, Spec, Step, TargetFacts,
};
use rivetos_fleet::port::{Applied, ApplyError, InfraProvider, Progress};

use crate::world::{Object, SimWorld, State, native_name};

/// The architecture of a simulated host unless it is told otherwise.
pub(crate) const ARCHITECTURE: &str = "amd64";

impl InfraProvider for SimWorld {
    fn observe(&self, desired: &DesiredSet) -> impl Future<Output = Inventory> + Send {
        ready(self.look(desired))
    }

    fn apply(
        &self,
        step: &Step,
        _: Progress<'_>,
    ) -> impl Future<Output = Result<Applied, ApplyError>> + Send {
        ready(self.carry_out(step))
    }
}

impl SimWorld {
    /// [`InfraProvider::observe`] without a runtime.
    pub fn look(&self, desired: &DesiredSet) -> Inventory {
        let state = self.state();
        let is_seen = |id: &ResourceId| {
            !state.unseen.iter().any(|error| match &error.scope {
                ErrorScope::Target => true,
                ErrorScope::Kind(kind) => *kind == id.kind,
                ErrorScope::Resource(resource) => resource == id,
            })
        };
        let mut observed: Vec<Observed> = objects(&state);
        observed.extend(images(&state, desired));
        observed.extend(roles(&state, desired));
        observed.retain(|object| is_seen(&object.id));
        let architecture = state.architecture.as_deref().unwrap_or(ARCHITECTURE);
        Inventory {
            observed,
            errors: state.unseen.clone(),
            facts: TargetFacts {
                architecture: Some(architecture.to_owned()),
                ports_in_use: state.ports_in_use.clone(),
            },
        }
    }
}

/// Of two objects of which one was to take the place of the other, the one that counts: the newer
/// one as soon as it was started.
fn objects(state: &State) -> Vec<Observed> {
    let replaced: BTreeMap<&str, &Object> = state
        .objects
        .values()
        .filter_map(|new| Some((new.replaces.as_deref()?, new)))
        .collect();
    let counts = |native_id: &str, object: &Object| {
        let old_is_there = |old: &String| state.objects.contains_key(old);
        let waits = object.waits_in_line() && object.replaces.as_ref().is_some_and(old_is_there);
        let gave_way = replaced
            .get(native_id)
            .is_some_and(|new| !new.waits_in_line());
        !waits && !gave_way
    };
    state
        .objects
        .iter()
        .filter(|(_, object)| !matches!(object.id.kind, Kind::Image | Kind::Role))
        .filter(|(native_id, object)| counts(native_id, object))
        .map(|(native_id, object)| {
            let predecessor = object.replaces.as_ref().and_then(|old_id| {
                let old = state.objects.get(old_id)?;
                Some(old.as_predecessor(old_id))
            });
            Observed {
                predecessor,
                ..object.observed(native_id)
            }
        })
        .collect()
}

/// Images are found by what the desired set calls them.
fn images(state: &State, desired: &DesiredSet) -> Vec<Observed> {
    let wanted = desired
        .resources
        .values()
        .filter(|d| matches!(d.spec, Spec::Image(_)));
    wanted
        .filter_map(|image| {
            let (native_id, live) = state.image(&native_name(&image.spec))?;
            Some(Observed {
                id: image.id.clone(),
                ..live.observed(native_id)
            })
        })
        .collect()
}

/// Logins live in the datahub: all are dormant while it does not run, and one whose password file
/// was made anew since it was set has drifted.
fn roles(state: &State, desired: &DesiredSet) -> Vec<Observed> {
    let main = ResourceId::new(Kind::Datahub, "main");
    let runs = state.ours(&main).is_some_and(|(_, datahub)| datahub.runs());
    if !runs {
        let wanted = desired
            .resources
            .values()
            .filter(|d| d.id.kind == Kind::Role);
        return wanted.map(dormant).collect();
    }
    let secrets: BTreeSet<&String> = state
        .objects
        .iter()
        .filter(|(_, object)| object.id.kind == Kind::Secret)
        .map(|(native_id, _)| native_id)
        .collect();
    state
        .objects
        .iter()
        .filter(|(_, object)| object.id.kind == Kind::Role)
        .map(|(native_id, object)| {
            let mut seen = object.observed(native_id);
            let far = object.fields.contains_key("secret_target");
            if !far && !object.made_from.iter().any(|from| secrets.contains(from)) {
                seen.fields
                    .insert("secret".to_owned(), Field::text("an older one"));
            }
            seen
        })
        .collect()
}

fn dormant(role: &Desired) -> Observed {
    Observed {
        id: role.id.clone(),
        uid: Some(role.uid.clone()),
        native_id: String::new(),
        native_name: native_name(&role.spec),
        owner: Owner::Ours,
        spec_hash: None,
        fields: role.spec.fields(),
        born: Fields::new(),
        life: Life::Dormant("the datahub does not run".to_owned()),
        predecessor: None,
        protection: Protection::None,
        fingerprint: Fingerprint::default(),
    }
}
