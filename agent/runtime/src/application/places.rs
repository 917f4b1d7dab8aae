//! The places of turns that run at once, and how a fresh turn comes to one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rivetos_types::store::{Claim, ClaimedTurn};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The most turns that run at once.
pub(super) const RUNNING_TURNS_MAX: usize = 32;

/// A place that is taken; dropping it makes it free.
pub(super) type Place = OwnedSemaphorePermit;

/// A turn that was claimed when it was accepted.
pub(super) struct Arrived {
    pub(super) turn: ClaimedTurn,
    pub(super) place: Place,
}

/// What those who accept messages and the one who hands out turns tell each other.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    /// Whether older turns may wait in the store: fresh ones stand behind them.
    behind: AtomicBool,
    /// Bounded by the places.
    arrived: UnboundedSender<Arrived>,
    /// Wakes the dispatcher; `fresh` says for how many accepted turns.
    work: Notify,
    fresh: AtomicUsize,
}

impl Places {
    pub(super) fn new() -> (Self, UnboundedReceiver<Arrived>) {
        let (arrived, receiver) = unbounded_channel();
        let places = Self {
            free: Arc::new(Semaphore::new(RUNNING_TURNS_MAX)),
            behind: AtomicBool::new(true),
            arrived,
            work: Notify::new(),
            fresh: AtomicUsize::new(0),
        };
        (places, receiver)
    }

    /// A place, if one is free.
    pub(super) fn take(&self) -> Option<Place> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }

    /// A place for a turn that is not accepted yet; `None` when older ones come first.
    pub(super) fn take_at_once(&self) -> Option<Place> {
        if self.behind.load(Ordering::Acquire) {
            return None;
        }
        self.take()
    }

    pub(super) fn stand_behind(&self, behind: bool) {
        self.behind.store(behind, Ordering::Release);
    }

    /// A turn that is claimed goes to its place. `Err` with the claim when nothing is begun any
    /// more.
    pub(super) fn arrive(&self, arrived: Arrived) -> Result<(), Claim> {
        self.arrived.send(arrived).map_err(|back| back.0.turn.claim)
    }

    /// A turn that can be claimed waits in the store.
    pub(super) fn one_more(&self) {
        self.fresh.fetch_add(1, Ordering::AcqRel);
        self.work.notify_one();
    }

    /// How many turns wait since the last time; returns when it is more than none.
    pub(super) async fn more(&self) -> usize {
        self.work.notified().await;
        self.fresh.swap(0, Ordering::AcqRel)
    }
}
