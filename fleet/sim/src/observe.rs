//! The world as a provider sees it.

use std::future::{Future, ready};

use rivetos_fleet::model::{
    Desired, DesiredSet, ErrorScope, Field, Inventory, Kind, Life, Observed, Owner, ResourceId,
    Spec, Step, TargetFacts,
};
use rivetos_fleet::port::{Applied, ApplyError, InfraProvider, Progress};

use crate::world::{SimWorld, State, native_name};

/// The architecture of every simulated host.
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
        Inventory {
            observed,
            errors: state.unseen.clone(),
            facts: TargetFacts {
                architecture: Some(ARCHITECTURE.to_owned()),
                ports_in_use: state.ports_in_use.clone(),
            },
        }
    }
}

fn objects(state: &State) -> Vec<Observed> {
    state
        .objects
        .iter()
        .filter(|(_, object)| !matches!(object.id.kind, Kind::Image | Kind::Role))
        .map(|(native_id, object)| object.observed(native_id))
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
    state
        .objects
        .iter()
        .filter(|(_, object)| object.id.kind == Kind::Role)
        .map(|(native_id, object)| {
            let mut seen = object.observed(native_id);
            let secret = ResourceId::new(Kind::Secret, &object.id.name);
            let current = state.ours(&secret).map(|(native_id, _)| native_id);
            if current.is_none_or(|current| !object.made_from.contains(current)) {
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
        life: Life::Dormant("the datahub does not run".to_owned()),
        born: rivetos_fleet::model::Fields::new(),
        predecessor: None,
        protection: rivetos_fleet::model::Protection::None,
        fingerprint: rivetos_fleet::model::Fingerprint::default(),
    }
}

pub(crate) fn port(field: &Field) -> Option<u16> {
    match field {
        Field::Text(text) => text.parse().ok(),
        Field::Keyed(_) | Field::Unknown => None,
    }
}
