//! One step, by the rules of real targets.

use rivetos_fleet::model::{Desired, Fingerprint, Kind, Life, Op, Owner, Step};
use rivetos_fleet::port::{Applied, ApplyError, ApplyErrorKind};

use crate::world::{Object, SimWorld, State, life_when_begun, native_name};

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
    /// [`rivetos_fleet::port::InfraProvider::apply`] without a runtime. Bringing an image over
    /// from another target takes a [`crate::SimFleet`].
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
        let result = state.operate(&step.op);
        state.calls_left = None;
        result
    }
}

impl State {
    fn operate(&mut self, op: &Op) -> Result<Applied, Cut> {
        match op {
            Op::Create { desired } => self.create(desired),
            Op::Ensure { desired } => self.ensure(desired),
            Op::Update {
                native_id,
                fingerprint,
                fields,
                desired,
            } => self.update((native_id, fingerprint), fields, desired),
            Op::Swap { old, desired } => self.swap(old, desired),
            Op::Confirm {
                native_id,
                fingerprint,
                old,
            } => self.confirm((native_id, fingerprint), old),
            Op::Load { desired, .. } => {
                Err(failed(format!("{} is on no other target", desired.id)).into())
            }
            Op::Adopt {
                native_id,
                fingerprint,
                desired,
                ..
            } => self.adopt((native_id, fingerprint), desired),
            Op::Forget {
                native_id,
                fingerprint,
                ..
            } => self.disown((native_id, fingerprint)),
            Op::Start {
                native_id,
                fingerprint,
            } => self.start((native_id, fingerprint)),
            Op::Remove {
                native_id,
                fingerprint,
                ..
            } => self.remove((native_id, fingerprint)),
        }
    }

    /// Before every change to the target: whoever was told to die dies here.
    pub(crate) fn call(&mut self) -> Result<(), Cut> {
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
        let begun = life_when_begun(&desired.spec);
        let native_id = self.add(Object {
            life: begun.clone(),
            ..object
        });
        if begun != finished {
            self.call()?;
            self.change(&native_id, |object| object.life = finished);
        }
        Ok(Applied::Changed)
    }

    fn start(&mut self, planned: (&str, &Fingerprint)) -> Result<Applied, Cut> {
        let (native_id, _) = planned;
        let object = self.check_ours(planned)?;
        if object.runs() {
            return Ok(Applied::AlreadySo);
        }
        let (id, made_from) = (object.id.clone(), object.made_from.clone());
        let own_port = object.port();
        if let Some(missing) = made_from
            .iter()
            .find(|from| !self.objects.contains_key(*from))
        {
            let message = format!("{id} was made from {missing}, which is gone");
            return Err(failed(message).into());
        }
        self.check_port_if_any(own_port)?;
        self.come_back(native_id)?;
        Ok(Applied::Changed)
    }

    fn remove(&mut self, planned: (&str, &Fingerprint)) -> Result<Applied, Cut> {
        let (native_id, _) = planned;
        if !self.objects.contains_key(native_id) {
            return Ok(Applied::AlreadySo);
        }
        let object = self.check_ours(planned)?;
        if object.id.kind == Kind::Volume && !self.may_delete_data {
            let message = format!("{} holds data and nobody consented", object.id);
            return Err(refused(message).into());
        }
        // A login does not keep what it was made from in use.
        let is_user = |user: &&Object| {
            user.id.kind != Kind::Role
                && !user.waits_in_line()
                && user.made_from.contains(native_id)
        };
        if let Some(user) = self.objects.values().find(is_user) {
            return Err(failed(format!("{} is in use by {}", object.id, user.id)).into());
        }
        self.remove_left_over(native_id)?;
        self.call()?;
        self.erase(native_id);
        Ok(Applied::Changed)
    }

    /// Takes an object out of the world, and with a datahub's volume the logins in it.
    pub(crate) fn erase(&mut self, native_id: &str) {
        let gone = self.objects.remove(native_id);
        if gone.is_some_and(|object| object.id.kind == Kind::Volume) {
            self.objects.retain(|_, object| {
                object.id.kind != Kind::Role || !object.made_from.contains(native_id)
            });
        }
    }

    /// Changes an object that is there.
    pub(crate) fn change(&mut self, native_id: &str, change: impl FnOnce(&mut Object)) {
        if let Some(object) = self.objects.get_mut(native_id) {
            change(object);
            object.generation += 1;
        }
    }

    /// The object that was planned on, if it is still there, ours and as it was.
    pub(crate) fn check_ours(&self, planned: (&str, &Fingerprint)) -> Result<&Object, ApplyError> {
        let object = self.check_same(planned)?;
        if object.owner == Owner::Ours {
            Ok(object)
        } else {
            Err(refused(format!("`{}` is not ours", object.native_name)))
        }
    }

    /// The object that was planned on, if it is still there and as it was.
    pub(crate) fn check_same(
        &self,
        (native_id, planned): (&str, &Fingerprint),
    ) -> Result<&Object, ApplyError> {
        let Some(object) = self.objects.get(native_id) else {
            return Err(refused(format!("{native_id} is gone")));
        };
        if object.fingerprint() == *planned {
            Ok(object)
        } else {
            let message = format!("{} changed since the plan was made", object.id);
            Err(refused(message))
        }
    }

    pub(crate) fn check_port_if_any(&self, wanted: Option<u16>) -> Result<(), ApplyError> {
        let Some(wanted) = wanted else { return Ok(()) };
        let mut others = self.objects.values();
        let taken = self.ports_in_use.contains(&wanted)
            || others.any(|object| object.runs() && object.port() == Some(wanted));
        if taken {
            Err(failed(format!("port {wanted} is taken")))
        } else {
            Ok(())
        }
    }
}

/// Whether something of this spec is finished in the state that it is in.
pub(crate) fn is_finished(object: &Object) -> bool {
    !matches!(object.life, Life::Incomplete(_))
}

pub(crate) fn refused(message: String) -> ApplyError {
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
