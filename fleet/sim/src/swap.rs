//! A new object in the place of one that is kept until the new one proved itself.
//!
//! The calls are those that an engine with fixed names allows, and the tool can be killed between
//! any two of them: the object that waits in line bears `.next`, the one that is kept `.prev`.

use rivetos_fleet::model::{Desired, Fingerprint, Life, Owner, Predecessor};
use rivetos_fleet::port::Applied;

use crate::apply::{Cut, failed};
use crate::world::{Object, State, life_when_begun, native_name};

impl State {
    pub(crate) fn swap(&mut self, old: &Predecessor, desired: &Desired) -> Result<Applied, Cut> {
        let planned = (old.native_id.as_str(), &old.fingerprint);
        self.check_ours(planned)?;
        self.remove_left_over(&old.native_id)?;
        let name = native_name(&desired.spec);
        let old_port = self.objects.get(&old.native_id).and_then(Object::port);
        let object = self.new_object(desired)?;
        self.call()?;
        let native_id = self.add(Object {
            native_name: format!("{name}.next"),
            life: life_when_begun(&desired.spec),
            replaces: Some(old.native_id.clone()),
            ..object
        });
        self.call()?;
        self.change(&old.native_id, |old| old.end("exited with code 0"));
        self.call()?;
        self.change(&old.native_id, |old| {
            old.native_name = format!("{name}.prev");
        });
        self.call()?;
        self.change(&native_id, |new| new.native_name.clone_from(&name));
        self.check_port_if_any(old_port)?;
        self.call()?;
        self.change(&native_id, |new| new.life = Life::Running);
        self.prove(&native_id, &old.native_id)
    }

    pub(crate) fn confirm(
        &mut self,
        planned: (&str, &Fingerprint),
        old: &Predecessor,
    ) -> Result<Applied, Cut> {
        let (native_id, _) = planned;
        let object = self.check_ours(planned)?;
        if !object.runs() {
            self.call()?;
            self.change(native_id, |new| new.life = Life::Running);
        }
        self.prove(native_id, &old.native_id)
    }

    /// The gate: the new one works and the old one goes, or the old one comes back.
    fn prove(&mut self, new: &str, old: &str) -> Result<Applied, Cut> {
        if !self.gate_fails {
            self.call()?;
            self.erase(old);
            return Ok(Applied::Changed);
        }
        self.call()?;
        self.change(new, |new| new.end("exited with code 1"));
        self.come_back(old)?;
        let message = "the new one did not become healthy; the old one is back";
        Err(failed(message.to_owned()).into())
    }

    /// Starts an object that does not run, after it got back its name from one that was to take
    /// its place.
    pub(crate) fn come_back(&mut self, native_id: &str) -> Result<(), Cut> {
        self.remove_left_over(native_id)?;
        let object = self.objects.get(native_id);
        let name = object.map(|object| object.native_name.clone());
        if let Some(name) = name.as_deref().and_then(|name| name.strip_suffix(".prev")) {
            self.call()?;
            self.change(native_id, |old| name.clone_into(&mut old.native_name));
        }
        self.call()?;
        self.change(native_id, |old| old.life = Life::Running);
        Ok(())
    }

    /// Removes whatever was made to take the place of `old`.
    pub(crate) fn remove_left_over(&mut self, old: &str) -> Result<(), Cut> {
        let left_over: Vec<String> = self
            .objects
            .iter()
            .filter(|(_, object)| object.owner == Owner::Ours)
            .filter(|(_, object)| object.replaces.as_deref() == Some(old))
            .map(|(native_id, _)| native_id.clone())
            .collect();
        for native_id in left_over {
            self.call()?;
            self.erase(&native_id);
        }
        Ok(())
    }
}
