//! What a spec becomes when it is made, and what it stands on.

use std::collections::BTreeSet;

use rivetos_fleet::model::{
    ContainerSpec, Desired, Field, Fields, Kind, Life, Owner, Protection, ResourceId, Spec,
};
use rivetos_fleet::port::{Applied, ApplyError};

use crate::apply::{Cut, failed, is_finished};
use crate::observe::ARCHITECTURE;
use crate::world::{Object, State, life_when_made, native_name};

impl State {
    /// What `desired` becomes once it is finished.
    pub(crate) fn new_object(&self, desired: &Desired) -> Result<Object, ApplyError> {
        let made_from = self.foundations(desired)?;
        let object = self.as_configured(desired, made_from);
        match &desired.spec {
            Spec::Container(container) if !object.fields.contains_key("image_id") => {
                let message = format!("there is no image `{}`", container.image);
                return Err(failed(message));
            }
            Spec::Container(container) => {
                for published in &container.published {
                    self.check_port_if_any(Some(published.host_port))?;
                }
            }
            Spec::Process(_) if object.port().is_none() => {
                return Err(failed("the plan gives no port".to_owned()));
            }
            Spec::Process(_) => self.check_port_if_any(object.port())?,
            Spec::Network(_)
            | Spec::Volume(_)
            | Spec::Files(_)
            | Spec::Image(_)
            | Spec::Role(_) => {}
        }
        Ok(object)
    }

    /// What `desired` is when nothing is wrong with it, made from what is there.
    pub(crate) fn as_configured(&self, desired: &Desired, made_from: BTreeSet<String>) -> Object {
        let mut fields = desired.spec.fields();
        match &desired.spec {
            Spec::Image(_) => {
                fields.insert("architecture".to_owned(), self.architecture());
            }
            Spec::Container(container) => {
                if let Some(image) = self.image_of(container) {
                    fields.insert("image_id".to_owned(), Field::text(image));
                }
            }
            Spec::Network(_)
            | Spec::Volume(_)
            | Spec::Files(_)
            | Spec::Process(_)
            | Spec::Role(_) => {}
        }
        Object {
            id: desired.id.clone(),
            uid: Some(desired.uid.clone()),
            native_name: native_name(&desired.spec),
            owner: Owner::Ours,
            spec_hash: Some(desired.spec.hash()),
            fields,
            born: desired.spec.live_fields(),
            life: life_when_made(&desired.spec),
            protection: protection(&desired.spec),
            replaces: None,
            generation: 0,
            made_from,
        }
    }

    pub(crate) fn architecture(&self) -> Field {
        Field::text(self.architecture.as_deref().unwrap_or(ARCHITECTURE))
    }

    fn image_of(&self, container: &ContainerSpec) -> Option<String> {
        let here = self.image(&container.image).map(|(native_id, _)| native_id);
        container.image_id.as_ref().or(here).cloned()
    }

    /// Makes sure of what can be made sure of in place: a login, or the mark on a volume.
    pub(crate) fn ensure(&mut self, desired: &Desired) -> Result<Applied, Cut> {
        let existing = self
            .of(&desired.uid)
            .map(|(native_id, _)| native_id.clone());
        if let Spec::Volume(volume) = &desired.spec {
            let Some(native_id) = existing else {
                return Err(failed(format!("{} is not there", desired.id)).into());
            };
            self.call()?;
            let (fields, protection) = (desired.spec.fields(), volume.protection);
            self.change(&native_id, |object| {
                object.fields = fields;
                object.protection = protection;
            });
            return Ok(Applied::Changed);
        }
        let object = self.new_object(desired)?;
        self.call()?;
        if let Some(native_id) = existing {
            self.objects.remove(&native_id);
        }
        self.add(object);
        Ok(Applied::Changed)
    }

    /// Native ids of what `desired` is made from, all of which must be there, ours and finished.
    /// Images may be removed under a container.
    fn foundations(&self, desired: &Desired) -> Result<BTreeSet<String>, ApplyError> {
        let mut made_from = BTreeSet::new();
        for (kind, name) in names_of_foundations(desired) {
            let Some((native_id, object)) = self.named(kind, &name) else {
                let message = format!("{} needs `{name}`, which is not there", desired.id);
                return Err(failed(message));
            };
            if !is_finished(object) {
                let message = format!("{} needs `{name}`, which is not finished", desired.id);
                return Err(failed(message));
            }
            if object.owner != Owner::Ours {
                return Err(failed(format!("`{name}` is not ours")));
            }
            made_from.insert(native_id.clone());
        }
        if let Spec::Role(role) = &desired.spec {
            let Some((_, datahub)) = self.named(Kind::Datahub, &role.datahub) else {
                return Err(failed(format!("`{}` is not there", role.datahub)));
            };
            if !datahub.runs() {
                return Err(failed(format!("{} does not run", datahub.id)));
            }
            // A login lives in the volume of the datahub.
            made_from.extend(
                datahub
                    .made_from
                    .iter()
                    .filter(|id| self.is_volume(id))
                    .cloned(),
            );
        }
        Ok(made_from)
    }

    fn is_volume(&self, native_id: &str) -> bool {
        let object = self.objects.get(native_id);
        object.is_some_and(|object| object.id.kind == Kind::Volume)
    }

    /// What of the foundations of `desired` is there, for what was made at another time.
    pub(crate) fn foundations_at_hand(&self, desired: &Desired) -> BTreeSet<String> {
        let mut made_from: BTreeSet<String> = names_of_foundations(desired)
            .into_iter()
            .filter_map(|(kind, name)| Some(self.named(kind, &name)?.0.clone()))
            .collect();
        if let Spec::Role(_) = &desired.spec {
            let volume = self.ours(&ResourceId::new(Kind::Volume, "datahub"));
            made_from.extend(volume.map(|(native_id, _)| native_id.clone()));
        }
        made_from
    }
}

impl Object {
    /// The port that it listens on, where it has one of its own.
    pub(crate) fn port(&self) -> Option<u16> {
        match self.fields.get("port")? {
            Field::Text(text) => text.parse().ok(),
            Field::Keyed(_) | Field::Unknown => None,
        }
    }

    /// Takes over the named fields of `wanted`, and only these.
    pub(crate) fn take_over(&mut self, names: &BTreeSet<String>, wanted: &Fields) {
        for name in names {
            match wanted.get(name) {
                Some(value) => self.fields.insert(name.clone(), value.clone()),
                None => self.fields.remove(name),
            };
        }
    }

    /// It ends.
    pub(crate) fn end(&mut self, how: &str) {
        if self.runs() {
            self.life = Life::Stopped(how.to_owned());
        }
    }
}

/// What `desired` is made from, as the target calls it.
fn names_of_foundations(desired: &Desired) -> Vec<(Kind, String)> {
    match &desired.spec {
        Spec::Container(container) => {
            let mounts = container.mounts.values();
            let volumes = mounts.map(|mount| (Kind::Volume, mount.volume.clone()));
            volumes
                .chain([(Kind::Network, container.network.clone())])
                .collect()
        }
        Spec::Process(process) => ["data", "config", "secret"]
            .map(|part| {
                (
                    Kind::Volume,
                    process.folder.join(part).display().to_string(),
                )
            })
            .to_vec(),
        // A secret on another target is looked at there.
        Spec::Role(role) if role.far.is_some() => Vec::new(),
        Spec::Role(role) => vec![(Kind::Secret, role.secret_native_name.clone())],
        Spec::Network(_) | Spec::Volume(_) | Spec::Files(_) | Spec::Image(_) => Vec::new(),
    }
}

fn protection(spec: &Spec) -> Protection {
    match spec {
        Spec::Volume(volume) => volume.protection,
        Spec::Network(_)
        | Spec::Files(_)
        | Spec::Image(_)
        | Spec::Container(_)
        | Spec::Process(_)
        | Spec::Role(_) => Protection::None,
    }
}
