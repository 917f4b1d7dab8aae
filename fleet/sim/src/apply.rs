//! One step, by the rules of real targets.

use std::collections::BTreeSet;

use rivetos_fleet::model::{
    Desired, Field, Fingerprint, Kind, Life, Op, Owner, ResourceId, Spec, Step,
};
use rivetos_fleet::port::{Applied, ApplyError, ApplyErrorKind};

use crate::observe::{ARCHITECTURE, port};
use crate::world::{Object, SimWorld, State, life_when_made, native_name};

impl SimWorld {
    /// [`rivetos_fleet::port::InfraProvider::apply`] without a runtime.
    pub fn carry_out(&self, step: &Step) -> Result<Applied, ApplyError> {
        let mut state = self.state();
        state.calls += 1;
        match &step.op {
            Op::Create { desired } => state.create(desired),
            Op::Ensure { desired } => state.ensure(desired),
            Op::Start {
                native_id,
                fingerprint,
            } => state.start(native_id, fingerprint),
            Op::Remove {
                native_id,
                fingerprint,
                ..
            } => state.remove(native_id, fingerprint),
        }
    }

    /// Begins a step and is killed in the middle of it: what is made in several calls is left
    /// unfinished, everything else is either done or not.
    pub(crate) fn begin(&self, step: &Step) {
        let Op::Create { desired } = &step.op else {
            return;
        };
        let unfinished = match &desired.spec {
            Spec::Files(_) => "its files were not delivered",
            Spec::Container(_) | Spec::Process(_) => "it was never started",
            Spec::Network(_) | Spec::Volume(_) | Spec::Image(_) | Spec::Role(_) => return,
        };
        if self.carry_out(step) == Ok(Applied::Changed) {
            let mut state = self.state();
            let native_id = state
                .ours(&desired.id)
                .map(|(native_id, _)| native_id.clone());
            if let Some(object) = native_id.and_then(|id| state.objects.get_mut(&id)) {
                object.life = Life::Incomplete(unfinished.to_owned());
            }
        }
    }
}

impl State {
    fn create(&mut self, desired: &Desired) -> Result<Applied, ApplyError> {
        let name = native_name(&desired.spec);
        if let Some((_, other)) = self.named(desired.id.kind, &name) {
            return match other.owner {
                Owner::Ours if other.spec_hash.as_ref() == Some(&desired.spec.hash()) => {
                    Ok(Applied::AlreadySo)
                }
                Owner::Ours | Owner::OtherFleet(_) | Owner::Foreign => {
                    Err(refused(format!("the name `{name}` is taken")))
                }
            };
        }
        let made_from = self.foundations(desired)?;
        let mut fields = desired.spec.fields();
        match &desired.spec {
            Spec::Image(_) => {
                fields.insert("architecture".to_owned(), Field::text(ARCHITECTURE));
            }
            Spec::Container(container) => {
                let image = match &container.image_id {
                    Some(image_id) => image_id.clone(),
                    None => self.image_id(&container.image)?,
                };
                fields.insert("image_id".to_owned(), Field::text(image));
            }
            Spec::Process(_) => self.check_port(fields.get("port").and_then(port))?,
            Spec::Network(_) | Spec::Volume(_) | Spec::Files(_) | Spec::Role(_) => {}
        }
        self.add(Object {
            id: desired.id.clone(),
            uid: Some(desired.uid.clone()),
            native_name: name,
            owner: Owner::Ours,
            spec_hash: Some(desired.spec.hash()),
            fields,
            life: life_when_made(&desired.spec),
            generation: 0,
            made_from,
        });
        Ok(Applied::Changed)
    }

    fn ensure(&mut self, desired: &Desired) -> Result<Applied, ApplyError> {
        let runs = |id: &&ResourceId| id.kind == Kind::Datahub;
        for datahub in desired.after.iter().filter(runs) {
            if !self.ours(datahub).is_some_and(|(_, object)| object.runs()) {
                return Err(failed(format!("{datahub} does not run")));
            }
        }
        let mut made_from = self.foundations(desired)?;
        let volume = ResourceId::new(Kind::Volume, "datahub");
        made_from.extend(self.ours(&volume).map(|(native_id, _)| native_id.clone()));
        let existing = self
            .ours(&desired.id)
            .map(|(native_id, _)| native_id.clone());
        if let Some(native_id) = existing {
            self.objects.remove(&native_id);
        }
        self.add(Object {
            id: desired.id.clone(),
            uid: Some(desired.uid.clone()),
            native_name: native_name(&desired.spec),
            owner: Owner::Ours,
            spec_hash: Some(desired.spec.hash()),
            fields: desired.spec.fields(),
            life: Life::Present,
            generation: 0,
            made_from,
        });
        Ok(Applied::Changed)
    }

    fn start(&mut self, native_id: &str, planned: &Fingerprint) -> Result<Applied, ApplyError> {
        let Some(object) = self.objects.get(native_id) else {
            return Err(refused(format!("{native_id} is gone")));
        };
        check_ours(object, planned)?;
        let missing = object
            .made_from
            .iter()
            .find(|from| !self.objects.contains_key(*from));
        if let Some(missing) = missing {
            return Err(failed(format!(
                "{} was made from {missing}, which is gone",
                object.id
            )));
        }
        let own_port = object.fields.get("port").and_then(port);
        if object.runs() {
            return Ok(Applied::AlreadySo);
        }
        self.check_port_if_any(own_port)?;
        if let Some(object) = self.objects.get_mut(native_id) {
            object.life = Life::Running;
            object.generation += 1;
        }
        Ok(Applied::Changed)
    }

    fn remove(&mut self, native_id: &str, planned: &Fingerprint) -> Result<Applied, ApplyError> {
        let Some(object) = self.objects.get(native_id) else {
            return Ok(Applied::AlreadySo);
        };
        check_ours(object, planned)?;
        if object.id.kind == Kind::Volume && !self.may_delete_data {
            return Err(refused(format!(
                "{} holds data and nobody consented",
                object.id
            )));
        }
        // A login does not keep what it was made from in use.
        let user = self
            .objects
            .values()
            .find(|user| user.id.kind != Kind::Role && user.made_from.contains(native_id));
        if let Some(user) = user {
            return Err(failed(format!("{} is in use by {}", object.id, user.id)));
        }
        self.forget(native_id);
        Ok(Applied::Changed)
    }

    /// Takes an object out of the world, and with a datahub's volume the logins in it.
    pub(crate) fn forget(&mut self, native_id: &str) {
        let gone = self.objects.remove(native_id);
        if gone.is_some_and(|object| object.id.kind == Kind::Volume) {
            self.objects.retain(|_, object| {
                object.id.kind != Kind::Role || !object.made_from.contains(native_id)
            });
        }
    }

    /// Native ids of what `desired` stands on. Images may be removed under a container.
    fn foundations(&self, desired: &Desired) -> Result<BTreeSet<String>, ApplyError> {
        let mut made_from = BTreeSet::new();
        for id in &desired.after {
            if id.kind == Kind::Image {
                continue;
            }
            match self.ours(id) {
                Some((_, object)) if matches!(object.life, Life::Incomplete(_)) => {
                    return Err(failed(format!(
                        "{} needs {id}, which is not finished",
                        desired.id
                    )));
                }
                Some((native_id, _)) if !matches!(id.kind, Kind::Role | Kind::Datahub) => {
                    made_from.insert(native_id.clone());
                }
                Some(_) => {}
                None => {
                    return Err(failed(format!(
                        "{} needs {id}, which is not there",
                        desired.id
                    )));
                }
            }
        }
        Ok(made_from)
    }

    fn image_id(&self, reference: &str) -> Result<String, ApplyError> {
        let image = self
            .image(reference)
            .map(|(native_id, _)| native_id.clone());
        image.ok_or_else(|| failed(format!("there is no image `{reference}`")))
    }

    fn check_port(&self, port: Option<u16>) -> Result<(), ApplyError> {
        match port {
            None => Err(failed("the plan gives no port".to_owned())),
            Some(_) => self.check_port_if_any(port),
        }
    }

    fn check_port_if_any(&self, wanted: Option<u16>) -> Result<(), ApplyError> {
        let Some(wanted) = wanted else { return Ok(()) };
        let taken = self.ports_in_use.contains(&wanted)
            || self.objects.values().any(|object| {
                object.runs() && object.fields.get("port").and_then(port) == Some(wanted)
            });
        if taken {
            Err(failed(format!("port {wanted} is taken")))
        } else {
            Ok(())
        }
    }
}

fn check_ours(object: &Object, planned: &Fingerprint) -> Result<(), ApplyError> {
    if object.owner != Owner::Ours {
        return Err(refused(format!("`{}` is not ours", object.native_name)));
    }
    if object.fingerprint() != *planned {
        return Err(refused(format!(
            "{} changed since the plan was made",
            object.id
        )));
    }
    Ok(())
}

fn refused(message: String) -> ApplyError {
    ApplyError {
        message,
        hint: None,
        kind: ApplyErrorKind::Refused,
    }
}

pub(crate) fn failed(message: String) -> ApplyError {
    ApplyError {
        message,
        hint: None,
        kind: ApplyErrorKind::Failed,
    }
}
