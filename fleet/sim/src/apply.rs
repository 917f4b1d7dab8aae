//! One step, by the rules of real targets.

use std::collections::BTreeSet;

use rivetos_fleet::model::{
    Desired, Field, Fingerprint, Kind, Life, Op, Owner, ResourceId, Spec, Step,
};
use rivetos_fleet::port::{Applied, ApplyError, ApplyErrorKind};

use crate::observe::{ARCHITECTURE, port};
use crate::world::{Object, SimWorld, State, life_when_begun, life_when_made, native_name};

/// Why a step did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It failed.
    Error(ApplyError),
    /// The tool was killed.
    Killed,
}

impl From<ApplyError> for Cut {
    fn from(error: ApplyError) -> Self {
        Self::Error(error)
    }
}

impl SimWorld {
    /// [`rivetos_fleet::port::InfraProvider::apply`] without a runtime.
    pub fn carry_out(&self, step: &Step) -> Result<Applied, ApplyError> {
        match self.carry_out_until(step, None) {
            Ok(applied) => Ok(applied),
            Err(Cut::Error(error)) => Err(error),
            Err(Cut::Killed) => Err(failed("killed".to_owned())),
        }
    }

    /// Carries `step` out; with `calls` the tool is killed when it wants to make one more.
    pub(crate) fn carry_out_until(
        &self,
        step: &Step,
        calls: Option<usize>,
    ) -> Result<Applied, Cut> {
        let mut state = self.state();
        state.steps += 1;
        state.calls_left = calls;
        let result = match &step.op {
            Op::Create { desired } => state.create(desired),
            Op::Ensure { desired } => state.ensure(desired),
            Op::Start {
                native_id,
                fingerprint,
            } => state.start(native_id, fingerprint),
            Op::Update { .. }
            | Op::Swap { .. }
            | Op::Confirm { .. }
            | Op::Load { .. }
            | Op::Adopt { .. }
            | Op::Forget { .. } => Err(failed(format!("{} is not known here", step.id)).into()),
            Op::Remove {
                native_id,
                fingerprint,
                ..
            } => state.remove(native_id, fingerprint),
        };
        state.calls_left = None;
        result
    }
}

impl State {
    /// Before every change to the target: whoever was told to die dies here.
    fn call(&mut self) -> Result<(), Cut> {
        match &mut self.calls_left {
            Some(0) => Err(Cut::Killed),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn create(&mut self, desired: &Desired) -> Result<Applied, Cut> {
        let name = native_name(&desired.spec);
        if let Some((_, other)) = self.named(desired.id.kind, &name) {
            return match other.owner {
                Owner::Ours if other.spec_hash.as_ref() == Some(&desired.spec.hash()) => {
                    Ok(Applied::AlreadySo)
                }
                Owner::Ours | Owner::OtherFleet(_) | Owner::Foreign => {
                    Err(refused(format!("the name `{name}` is taken")).into())
                }
            };
        }
        let object = self.new_object(desired)?;
        self.call()?;
        let finished = object.life.clone();
        let native_id = self.add(Object {
            life: life_when_begun(&desired.spec),
            ..object
        });
        if life_when_begun(&desired.spec) != finished {
            self.call()?;
            if let Some(object) = self.objects.get_mut(&native_id) {
                object.life = finished;
            }
        }
        Ok(Applied::Changed)
    }

    /// What `desired` becomes once it is finished.
    fn new_object(&self, desired: &Desired) -> Result<Object, ApplyError> {
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
        Ok(Object {
            id: desired.id.clone(),
            uid: Some(desired.uid.clone()),
            native_name: native_name(&desired.spec),
            owner: Owner::Ours,
            spec_hash: Some(desired.spec.hash()),
            fields,
            life: life_when_made(&desired.spec),
            generation: 0,
            made_from,
        })
    }

    fn ensure(&mut self, desired: &Desired) -> Result<Applied, Cut> {
        let runs = |id: &&ResourceId| id.kind == Kind::Datahub;
        for datahub in desired.after.iter().filter(runs) {
            if !self.ours(datahub).is_some_and(|(_, object)| object.runs()) {
                return Err(failed(format!("{datahub} does not run")).into());
            }
        }
        let mut made_from = self.foundations(desired)?;
        let volume = ResourceId::new(Kind::Volume, "datahub");
        made_from.extend(self.ours(&volume).map(|(native_id, _)| native_id.clone()));
        self.call()?;
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

    fn start(&mut self, native_id: &str, planned: &Fingerprint) -> Result<Applied, Cut> {
        let Some(object) = self.objects.get(native_id) else {
            return Err(refused(format!("{native_id} is gone")).into());
        };
        check_ours(object, planned)?;
        let missing = object
            .made_from
            .iter()
            .find(|from| !self.objects.contains_key(*from));
        if let Some(missing) = missing {
            let message = format!("{} was made from {missing}, which is gone", object.id);
            return Err(failed(message).into());
        }
        let own_port = object.fields.get("port").and_then(port);
        if object.runs() {
            return Ok(Applied::AlreadySo);
        }
        self.check_port_if_any(own_port)?;
        self.call()?;
        if let Some(object) = self.objects.get_mut(native_id) {
            object.life = Life::Running;
            object.generation += 1;
        }
        Ok(Applied::Changed)
    }

    fn remove(&mut self, native_id: &str, planned: &Fingerprint) -> Result<Applied, Cut> {
        let Some(object) = self.objects.get(native_id) else {
            return Ok(Applied::AlreadySo);
        };
        check_ours(object, planned)?;
        if object.id.kind == Kind::Volume && !self.may_delete_data {
            let message = format!("{} holds data and nobody consented", object.id);
            return Err(refused(message).into());
        }
        // A login does not keep what it was made from in use.
        let user = self
            .objects
            .values()
            .find(|user| user.id.kind != Kind::Role && user.made_from.contains(native_id));
        if let Some(user) = user {
            return Err(failed(format!("{} is in use by {}", object.id, user.id)).into());
        }
        self.call()?;
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
