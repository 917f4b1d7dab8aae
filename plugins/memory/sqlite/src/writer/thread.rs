//! The thread: what callers do not do themselves, many at a time.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::job::{Access, Job};
use super::seat::Seat;

/// Calls that share one transaction, beside those that waited for the next one.
const BATCH_JOBS_MAX: usize = 64;

/// What the thread is asked for.
pub(super) enum Order {
    Do(Box<dyn Job>),
    /// What waits for the next transaction has waited for long enough.
    DoWaiting,
    /// The log is long.
    Fold,
}

/// Until nothing will come any more.
pub(super) fn run(seat: &Arc<Seat>, orders: &Receiver<Order>) {
    let mut batch = Vec::with_capacity(BATCH_JOBS_MAX);
    while let Ok(first) = orders.recv() {
        let mut fold = take(first, &mut batch);
        while batch.len() < BATCH_JOBS_MAX
            && let Ok(next) = orders.try_recv()
        {
            fold |= take(next, &mut batch);
        }
        fold |= commit(seat, &mut batch);
        if fold {
            seat.fold();
        }
    }
    commit(seat, &mut batch);
}

/// Whether the log is to be moved.
fn take(order: Order, batch: &mut Vec<Box<dyn Job>>) -> bool {
    match order {
        Order::Do(job) => batch.push(job),
        Order::DoWaiting => {}
        Order::Fold => return true,
    }
    false
}

/// Commits, answers, syncs if somebody waits for that, and answers. Returns whether the log is
/// long.
fn commit(seat: &Seat, batch: &mut Vec<Box<dyn Job>>) -> bool {
    // Whoever did some calls beside its own may be gone.
    let _after = seat.answers_after();
    let written = seat.write_together(batch);
    let outcome = written.clone().map(|_| ());
    for job in &mut *batch {
        if !job.access().waits_for_sync() {
            job.answer(&outcome);
        }
    }
    let mut accesses = batch.iter().map(|job| job.access());
    let mut on_disk = Ok(());
    if accesses.any(Access::waits_for_sync) && !seat.log.is_synced() {
        on_disk = seat.sync();
    }
    for job in &mut *batch {
        match job.access() {
            // What it waits for was written before; others' writes do not concern it.
            Access::Sync => job.answer(&on_disk),
            access if access.waits_for_sync() => {
                job.answer(&outcome.clone().and_then(|()| on_disk.clone()));
            }
            _ => {}
        }
    }
    batch.clear();
    written == Ok(true)
}
