//! The lock of a fleet on a simulated target.

use std::sync::Arc;

use rivetos_fleet::port::{Applied, FleetLock, Holder, LeaseId, LockError};

use crate::world::SimWorld;

/// The lock on one simulated target.
#[derive(Debug, Clone)]
pub struct SimLock(pub Arc<SimWorld>);

impl SimWorld {
    /// Somebody has the lock, whoever had it before.
    pub fn lock_for(&self, holder: Holder) {
        let mut state = self.state();
        state.made += 1;
        let serial = state.made;
        state.lock = Some((serial, holder));
    }
}

impl FleetLock for SimLock {
    type Token = u64;

    async fn acquire(&self, holder: &Holder) -> Result<u64, LockError> {
        let mut state = self.0.state();
        if let Some((_, other)) = &state.lock {
            return Err(LockError::Held {
                holder: Box::new(other.clone()),
            });
        }
        state.made += 1;
        let serial = state.made;
        state.lock = Some((serial, holder.clone()));
        Ok(serial)
    }

    async fn renew(&self, token: &u64, holder: &Holder) -> Result<(), LockError> {
        match &mut self.0.state().lock {
            Some((serial, known)) if serial == token => {
                known.clone_from(holder);
                Ok(())
            }
            Some((_, other)) => Err(LockError::Lost {
                message: format!("{} has the lock now", other.who),
            }),
            None => Err(LockError::Lost {
                message: "the lock is gone".to_owned(),
            }),
        }
    }

    async fn release(&self, token: u64) -> Result<(), LockError> {
        let mut state = self.0.state();
        if state
            .lock
            .as_ref()
            .is_some_and(|(serial, _)| *serial == token)
        {
            state.lock = None;
        }
        Ok(())
    }

    async fn holder(&self) -> Result<Option<Holder>, LockError> {
        Ok(self
            .0
            .state()
            .lock
            .as_ref()
            .map(|(_, holder)| holder.clone()))
    }

    async fn break_lock(&self, id: &LeaseId) -> Result<Applied, LockError> {
        let mut state = self.0.state();
        match &state.lock {
            None => Ok(Applied::AlreadySo),
            Some((_, holder)) if holder.id == *id => {
                state.lock = None;
                Ok(Applied::Changed)
            }
            Some((_, holder)) => Err(LockError::Held {
                holder: Box::new(holder.clone()),
            }),
        }
    }
}
