//! Steps that change an object, or whose it is, while it stays.

use std::collections::BTreeSet;

use rivetos_fleet::model::{Desired, Fingerprint, Kind, Owner, Spec};
use rivetos_fleet::port::Applied;

use crate::apply::{Cut, failed, refused};
use crate::world::{Object, State};

impl State {
    pub(crate) fn update(
        &mut self,
        planned: (&str, &Fingerprint),
        names: &BTreeSet<String>,
        desired: &Desired,
    ) -> Result<Applied, Cut> {
        let (native_id, _) = planned;
        self.check_ours(planned)?;
        let wanted = desired.spec.fields();
        if names.contains("network") {
            self.connect(native_id, desired)?;
        }
        self.call()?;
        self.change(native_id, |object| object.take_over(names, &wanted));
        let runs = self.objects.get(native_id).is_some_and(Object::runs);
        if !runs {
            self.come_back(native_id)?;
        }
        Ok(Applied::Changed)
    }

    /// Joins the network that `desired` wants and leaves the one before.
    fn connect(&mut self, native_id: &str, desired: &Desired) -> Result<(), Cut> {
        let Spec::Container(container) = &desired.spec else {
            return Ok(());
        };
        let Some((network, _)) = self.named(Kind::Network, &container.network) else {
            let message = format!("there is no network `{}`", container.network);
            return Err(failed(message).into());
        };
        let network = network.clone();
        self.call()?;
        let networks: BTreeSet<String> = self
            .objects
            .iter()
            .filter(|(_, object)| object.id.kind == Kind::Network)
            .map(|(native_id, _)| native_id.clone())
            .collect();
        self.change(native_id, |object| {
            object.made_from.retain(|from| !networks.contains(from));
            object.made_from.insert(network);
        });
        Ok(())
    }

    pub(crate) fn adopt(
        &mut self,
        planned: (&str, &Fingerprint),
        desired: &Desired,
    ) -> Result<Applied, Cut> {
        let (native_id, _) = planned;
        let object = self.check_same(planned)?;
        if object.owner != Owner::Foreign {
            let message = format!("`{}` is {}'s", object.native_name, object.owner);
            return Err(refused(message).into());
        }
        let made_from = self.foundations_at_hand(desired);
        self.call()?;
        self.change(native_id, |object| {
            object.owner = Owner::Ours;
            object.id = desired.id.clone();
            object.uid = Some(desired.uid.clone());
            object.made_from = made_from;
        });
        Ok(Applied::Changed)
    }

    pub(crate) fn disown(&mut self, planned: (&str, &Fingerprint)) -> Result<Applied, Cut> {
        self.check_ours(planned)?;
        self.call()?;
        self.change(planned.0, |object| object.owner = Owner::Foreign);
        Ok(Applied::Changed)
    }
}
