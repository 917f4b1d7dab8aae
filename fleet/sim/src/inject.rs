//! What happens to the target behind the planner's back.

use std::collections::BTreeSet;

use rivetos_fleet::model::{
    DesiredSet, Field, Fields, InventoryError, Kind, Life, Owner, Protection, ResourceId, Spec,
    SpecHash,
};

use crate::world::{Object, SimWorld, State};

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
        let image = state.an_image(reference);
        state.add(image);
    }

    /// Somebody who is `owner` makes what `desired` wants for `id`, without any of our labels.
    pub fn squat(&self, desired: &DesiredSet, id: &ResourceId, owner: Owner) {
        let Some(wanted) = desired.resources.get(id) else {
            return;
        };
        let mut state = self.state();
        let made_from = state.foundations_at_hand(wanted);
        let object = state.as_configured(wanted, made_from);
        state.add(Object {
            uid: None,
            owner,
            spec_hash: None,
            born: Fields::new(),
            protection: Protection::None,
            ..object
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

    /// The object at `id` was made by a version that hashed otherwise. Returns whether there is
    /// one.
    pub fn age_hash(&self, id: &ResourceId) -> bool {
        self.change(id, |object| {
            object.spec_hash = Some(SpecHash("v0:0000".to_owned()));
        })
    }

    /// The object at `id` ends. Returns whether there is one that can.
    pub fn stop(&self, id: &ResourceId, how: &str) -> bool {
        self.change(id, |object| object.end(how))
    }

    /// Somebody deletes the object at `id` by force, whatever uses it. Returns whether there was
    /// one.
    pub fn delete(&self, id: &ResourceId) -> bool {
        let mut state = self.state();
        let native_id = state.ours(id).map(|(native_id, _)| native_id.clone());
        if let Some(native_id) = &native_id {
            state.erase(native_id);
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

    /// The machine is of another kind.
    pub fn set_architecture(&self, architecture: &str) {
        self.state().architecture = Some(architecture.to_owned());
    }

    /// From now on a part of the target cannot be seen.
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

    /// Every image that `desired` wants is there.
    pub fn provide_images(&self, desired: &DesiredSet) {
        for wanted in desired.resources.values() {
            if let Spec::Image(image) = &wanted.spec {
                self.build_image(&image.reference);
            }
        }
    }

    /// Makes everything of `desired` as it should be, without a step.
    pub fn settle(&self, desired: &DesiredSet) {
        self.provide_images(desired);
        let mut state = self.state();
        let mut ports = desired.port_range.first..=desired.port_range.last;
        let others = desired
            .resources
            .values()
            .filter(|d| d.id.kind != Kind::Image);
        for wanted in others {
            let made_from = state.foundations_at_hand(wanted);
            let mut object = state.as_configured(wanted, made_from);
            if object.fields.contains_key("program")
                && let Some(port) = ports.next()
            {
                object
                    .fields
                    .insert("port".to_owned(), Field::text(port.to_string()));
            }
            state.add(object);
        }
    }

    fn change(&self, id: &ResourceId, change: impl FnOnce(&mut Object)) -> bool {
        let mut state = self.state();
        let native_id = state.ours(id).map(|(native_id, _)| native_id.clone());
        if let Some(native_id) = &native_id {
            state.change(native_id, change);
        }
        native_id.is_some()
    }
}

impl State {
    /// An image of this name; images are nobody's.
    pub(crate) fn an_image(&self, reference: &str) -> Object {
        Object {
            id: ResourceId::new(Kind::Image, reference),
            uid: None,
            native_name: reference.to_owned(),
            owner: Owner::Foreign,
            spec_hash: None,
            fields: Fields::from([
                ("reference".to_owned(), Field::text(reference)),
                ("architecture".to_owned(), self.architecture()),
            ]),
            born: Fields::new(),
            life: Life::Present,
            protection: Protection::None,
            replaces: None,
            generation: 0,
            made_from: BTreeSet::new(),
        }
    }
}
