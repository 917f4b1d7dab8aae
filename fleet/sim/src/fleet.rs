//! Several targets together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rivetos_fleet::FleetId;
use rivetos_fleet::model::{
    Desired, FarSecret, Inventories, Kind, Layout, Observed, Op, Owner, RoleSpec, Spec, Step,
    TargetId,
};
use rivetos_fleet::port::{Applied, ApplyError};

use crate::apply::{Cut, failed, is_finished};
use crate::world::SimWorld;

/// Every target of a fleet, each an empty one until something happens to it.
#[derive(Debug)]
pub struct SimFleet {
    fleet: FleetId,
    worlds: Mutex<BTreeMap<TargetId, Arc<SimWorld>>>,
}

impl SimFleet {
    /// Nothing anywhere.
    pub fn new(fleet: FleetId) -> Self {
        Self {
            fleet,
            worlds: Mutex::default(),
        }
    }

    /// The target of this name.
    pub fn at(&self, target: &TargetId) -> Arc<SimWorld> {
        let mut worlds = self.worlds();
        if let Some(world) = worlds.get(target) {
            return Arc::clone(world);
        }
        let world = Arc::new(SimWorld::new(self.fleet.clone(), target.clone()));
        worlds.insert(target.clone(), Arc::clone(&world));
        world
    }

    /// Every target that something happened to or that was looked at.
    pub fn all(&self) -> Vec<Arc<SimWorld>> {
        self.worlds().values().cloned().collect()
    }

    /// What is seen of the targets of `layout`.
    pub fn look(&self, layout: &Layout) -> Inventories {
        layout
            .iter()
            .map(|(target, set)| (target.clone(), self.at(target).look(set)))
            .collect()
    }

    /// Every object that is there, with its target.
    pub fn everything(&self) -> Vec<(TargetId, Observed)> {
        let all = self.all().into_iter();
        all.flat_map(|world| {
            let target = world.target.clone();
            let everything = world.everything().into_iter();
            everything.map(move |object| (target.clone(), object))
        })
        .collect()
    }

    /// Whether steps may delete data: set once consent was given.
    pub fn allow_data_loss(&self, allowed: bool) {
        for world in self.all() {
            world.allow_data_loss(allowed);
        }
    }

    /// Carries one step out.
    pub fn carry_out(&self, step: &Step) -> Result<Applied, ApplyError> {
        match self.carry_out_until(step, None) {
            Ok(applied) => Ok(applied),
            Err(Cut::Error(error)) => Err(error),
            Err(Cut::Killed) => Err(failed("killed".to_owned())),
        }
    }

    pub(crate) fn carry_out_until(
        &self,
        step: &Step,
        calls: Option<usize>,
    ) -> Result<Applied, Cut> {
        if let Op::Load {
            desired,
            from,
            image_id,
        } = &step.op
        {
            let reference = crate::world::native_name(&desired.spec);
            return self.load((from, &step.target), (&reference, image_id), calls);
        }
        if let Op::Ensure { desired } = &step.op
            && let Spec::Role(role) = &desired.spec
            && let Some(far) = &role.far
        {
            let step = Step {
                op: Op::Ensure {
                    desired: Box::new(self.with_secret(desired, role, far)?),
                },
                ..step.clone()
            };
            return self.at(&step.target).carry_out_until(&step, calls);
        }
        self.at(&step.target).carry_out_until(step, calls)
    }

    /// The login `desired` as it is made from its secret on another target, which must be there.
    fn with_secret(
        &self,
        desired: &Desired,
        role: &RoleSpec,
        far: &FarSecret,
    ) -> Result<Desired, ApplyError> {
        let there = self.at(&far.target);
        let state = there.state();
        let name = &role.secret_native_name;
        let (_, secret) = state
            .named(Kind::Secret, name)
            .filter(|(_, secret)| secret.owner == Owner::Ours && is_finished(secret))
            .ok_or_else(|| failed(format!("{} has no finished `{name}`", far.target)))?;
        let far = FarSecret {
            target: far.target.clone(),
            made: Some(secret.fingerprint()),
        };
        Ok(Desired {
            spec: Spec::Role(RoleSpec {
                far: Some(far),
                ..role.clone()
            }),
            ..desired.clone()
        })
    }

    /// Brings an image over; it is the same image there.
    fn load(
        &self,
        (from, to): (&TargetId, &TargetId),
        (reference, image_id): (&str, &str),
        calls: Option<usize>,
    ) -> Result<Applied, Cut> {
        let origin = self.at(from);
        let image = match origin.state().image(reference) {
            Some((native_id, image)) if native_id == image_id => image.clone(),
            Some(_) => return Err(failed(format!("{from} has another `{reference}` now")).into()),
            None => return Err(failed(format!("{from} has no `{reference}`")).into()),
        };
        if calls == Some(0) {
            return Err(Cut::Killed);
        }
        let world = self.at(to);
        world.state().objects.insert(image_id.to_owned(), image);
        Ok(Applied::Changed)
    }

    fn worlds(&self) -> MutexGuard<'_, BTreeMap<TargetId, Arc<SimWorld>>> {
        self.worlds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for SimFleet {
    /// Other targets that are just like these now.
    fn clone(&self) -> Self {
        let copy = |world: &Arc<SimWorld>| Arc::new(SimWorld::clone(world));
        let worlds = self.worlds();
        let copies = worlds
            .iter()
            .map(|(target, world)| (target.clone(), copy(world)));
        Self {
            fleet: self.fleet.clone(),
            worlds: Mutex::new(copies.collect()),
        }
    }
}
