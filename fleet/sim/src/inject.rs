//! What happens to the world behind the planner's back.

use std::collections::BTreeSet;

use rivetos_fleet::model::{
    DesiredSet, Field, Fields, InventoryError, Kind, Life, Owner, ResourceId,
};

use crate::observe::ARCHITECTURE;
use crate::world::{Object, SimWorld, native_name};

impl SimWorld {
    /// Somebody makes the image `reference` anew.
    pub fn build_image(&self, reference: &str) {
        let mut state = self.state();
        let old = state
            .image(reference)
            .map(|(native_id, _)| native_id.clone());
        if let Some(old) = old {
            state.objects.remove(&old);
        }
        let fields = Fields::from([
            ("reference".to_owned(), Field::text(reference)),
            ("architecture".to_owned(), Field::text(ARCHITECTURE)),
        ]);
        state.add(Object {
            id: ResourceId::new(Kind::Image, reference),
            uid: None,
            native_name: reference.to_owned(),
            owner: Owner::Foreign,
            spec_hash: None,
            fields,
            life: Life::Present,
            generation: 0,
            made_from: BTreeSet::new(),
        });
    }

    /// Somebody who is `owner` makes an object with the name that `desired` wants for `id`.
    pub fn squat(&self, desired: &DesiredSet, id: &ResourceId, owner: Owner) {
        let Some(wanted) = desired.resources.get(id) else {
            return;
        };
        self.state().add(Object {
            id: id.clone(),
            uid: None,
            native_name: native_name(&wanted.spec),
            owner,
            spec_hash: None,
            fields: Fields::new(),
            life: Life::Running,
            generation: 0,
            made_from: BTreeSet::new(),
        });
    }

    /// Somebody copies the object at `id`, labels and all.
    pub fn copy(&self, id: &ResourceId) {
        let mut state = self.state();
        let copied = state.ours(id).map(|(_, object)| object.clone());
        if let Some(mut object) = copied {
            object.native_name.push_str("-copy");
            object
                .fields
                .insert("name".to_owned(), Field::text(&object.native_name));
            object.life = Life::Stopped("never started".to_owned());
            state.add(object);
        }
    }

    /// Somebody sets a field of the object at `id`. Returns whether there is one.
    pub fn drift(&self, id: &ResourceId, field: &str, value: Option<&str>) -> bool {
        self.change(id, |object| {
            match value {
                Some(value) => object.fields.insert(field.to_owned(), Field::text(value)),
                None => object.fields.remove(field),
            };
        })
    }

    /// The label of the object at `id` was written by another version of the hashing scheme.
    pub fn age_hash(&self, id: &ResourceId) -> bool {
        self.change(id, |object| {
            object.spec_hash = Some(rivetos_fleet::model::SpecHash("v0:0000".to_owned()));
        })
    }

    /// The object at `id` ends. Returns whether there is one that can.
    pub fn stop(&self, id: &ResourceId, how: &str) -> bool {
        self.change(id, |object| {
            if object.runs() {
                object.life = Life::Stopped(how.to_owned());
            }
        })
    }

    /// Somebody deletes the object at `id` by force, whatever uses it. Returns whether there was
    /// one.
    pub fn delete(&self, id: &ResourceId) -> bool {
        let mut state = self.state();
        let native_id = state.ours(id).map(|(native_id, _)| native_id.clone());
        if let Some(native_id) = &native_id {
            state.forget(native_id);
        }
        native_id.is_some()
    }

    /// Somebody deletes the image `reference`.
    pub fn delete_image(&self, reference: &str) {
        let mut state = self.state();
        let native_id = state
            .image(reference)
            .map(|(native_id, _)| native_id.clone());
        if let Some(native_id) = native_id {
            state.objects.remove(&native_id);
        }
    }

    /// Somebody listens on `port` of this host.
    pub fn take_port(&self, port: u16) {
        self.state().ports_in_use.insert(port);
    }

    /// From now on a part of the world cannot be seen.
    pub fn hide(&self, error: InventoryError) {
        self.state().unseen.push(error);
    }

    /// Everything can be seen again.
    pub fn unhide(&self) {
        self.state().unseen.clear();
    }

    /// Whether steps may delete data: set once consent was given.
    pub fn allow_data_loss(&self, allowed: bool) {
        self.state().may_delete_data = allowed;
    }

    fn change(&self, id: &ResourceId, change: impl FnOnce(&mut Object)) -> bool {
        let mut state = self.state();
        let native_id = state.ours(id).map(|(native_id, _)| native_id.clone());
        let Some(object) = native_id.and_then(|native_id| state.objects.get_mut(&native_id)) else {
            return false;
        };
        change(object);
        object.generation += 1;
        true
    }
}
