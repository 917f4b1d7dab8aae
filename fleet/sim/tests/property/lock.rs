//! The fleet's lock: of all runs that want it, one at a time changes anything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rivetos_engine::{Claim, Lease, Terms};
use rivetos_fleet::model::TargetId;
use rivetos_fleet::port::{Applied, FleetLock, Holder, LeaseId, LockError};
use rivetos_sim::{SimLock, SimWorld};
use tokio::runtime::Runtime;
use tokio::time::sleep;

use super::config;
use crate::tale::fleet_id;

const TERMS: Terms = Terms {
    heartbeat: Duration::from_millis(4),
    ttl: Duration::from_millis(24),
};
/// How many calls a run makes before it gives the lock back.
const CALLS: usize = 30;

/// What happened on the target, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// A run got the lock.
    Got(usize),
    /// A run changed something.
    Changed(usize),
}

/// The lock as a run on another host has it: by that host's clock, and over a network.
#[derive(Clone)]
struct Far {
    lock: SimLock,
    run: usize,
    clock_ahead_ms: i64,
    /// How long a request and how long an answer take.
    lag: Duration,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Far {
    /// A holder as the lock's other users read it.
    fn told(&self, holder: &Holder) -> Holder {
        let mut told = holder.clone();
        told.process = None;
        told.beat_unix_ms = told.beat_unix_ms.saturating_add_signed(self.clock_ahead_ms);
        told
    }

    /// A holder as it is read here.
    fn read(&self, mut holder: Holder) -> Holder {
        holder.beat_unix_ms = holder
            .beat_unix_ms
            .saturating_add_signed(-self.clock_ahead_ms);
        holder
    }
}

impl FleetLock for Far {
    type Token = u64;

    async fn acquire(&self, holder: &Holder) -> Result<u64, LockError> {
        sleep(self.lag).await;
        let acquired = self.lock.acquire(&self.told(holder)).await;
        if acquired.is_ok() {
            self.seen.lock().unwrap().push(Seen::Got(self.run));
        }
        sleep(self.lag).await;
        acquired.map_err(|error| match error {
            LockError::Held { holder } => LockError::Held {
                holder: Box::new(self.read(*holder)),
            },
            error @ (LockError::Lost { .. } | LockError::Failed { .. }) => error,
        })
    }

    async fn renew(&self, token: &u64, holder: &Holder) -> Result<(), LockError> {
        // One that takes longer is given up.
        let lag = self.lag.min(TERMS.heartbeat / 4);
        sleep(lag).await;
        let renewed = self.lock.renew(token, &self.told(holder)).await;
        sleep(lag).await;
        renewed
    }

    async fn release(&self, token: u64) -> Result<(), LockError> {
        self.lock.release(token).await
    }

    async fn holder(&self) -> Result<Option<Holder>, LockError> {
        sleep(self.lag).await;
        let holder = self.lock.holder().await;
        sleep(self.lag).await;
        holder.map(|holder| holder.map(|holder| self.read(holder)))
    }

    async fn break_lock(&self, id: &LeaseId) -> Result<Applied, LockError> {
        sleep(self.lag).await;
        let broken = self.lock.break_lock(id).await;
        sleep(self.lag).await;
        broken
    }
}

/// Changes something again and again while the lock is its own, and gives it back. Who lost it asks
/// for it again.
async fn run(lock: Far) {
    let (run, seen) = (lock.run, Arc::clone(&lock.seen));
    let mut calls = 0;
    while calls < CALLS {
        let lease = take(&lock).await;
        // As the engine asks before every step; nothing can come between.
        while calls < CALLS && lease.lost().is_none() {
            seen.lock().unwrap().push(Seen::Changed(run));
            calls += 1;
            sleep(Duration::from_millis(1)).await;
        }
        let _ = lease.release().await;
    }
}

async fn take(lock: &Far) -> Lease {
    let claim = Claim {
        fleet: fleet_id(),
        who: format!("run {}", lock.run),
        host: format!("host-{}", lock.run),
        operation: "infra up".to_owned(),
        terms: TERMS,
    };
    loop {
        let locks = BTreeMap::from([(TargetId::docker(None), lock.clone())]);
        if let Ok(lease) = Lease::take(locks, &claim, &|_| {}).await {
            return lease;
        }
        sleep(TERMS.heartbeat).await;
    }
}

/// A run on a host of its own, which stands still unless it is given time.
fn begin(lock: Far) -> Runtime {
    let host = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    host.spawn(run(lock));
    host
}

fn go_on(host: &Runtime, time: Duration) {
    host.block_on(async { sleep(time).await });
}

/// What one of three hosts has: how far its clock is ahead, and how far away the target is.
fn host() -> impl Strategy<Value = (i64, Duration)> {
    let ahead = prop::sample::select(vec![0, 0, 3_600_000, -3_600_000]);
    let lag = prop::sample::select(vec![0, 0, 1, 9]).prop_map(Duration::from_millis);
    (ahead, lag)
}

fn turn() -> impl Strategy<Value = (usize, Duration)> {
    (0..3_usize, (1..40_u64).prop_map(Duration::from_millis))
}

proptest! {
    // Time is real here.
    #![proptest_config(config(24))]

    /// Hosts sleep and wake up at any point, their clocks differ and the target is far away: who
    /// lost the lock to another changes nothing any more, and a lock whose holder is gone for good
    /// is not kept for ever.
    #[test]
    fn who_lost_the_lock_changes_nothing(
        hosts in prop::collection::vec(host(), 3),
        turns in prop::collection::vec(turn(), 1..24),
    ) {
        let world = Arc::new(SimWorld::new(fleet_id(), TargetId::docker(None)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let far = |run, (clock_ahead_ms, lag)| Far {
            lock: SimLock(Arc::clone(&world)),
            run,
            clock_ahead_ms,
            lag,
            seen: Arc::clone(&seen),
        };
        let runs = hosts.into_iter().enumerate();
        let runs: Vec<Runtime> = runs.map(|(run, host)| begin(far(run, host))).collect();
        for (run, time) in turns {
            go_on(&runs[run], time);
        }
        drop(runs);
        let last = begin(far(3, (0, Duration::ZERO)));
        let until = Instant::now() + Duration::from_secs(10);
        while !seen.lock().unwrap().contains(&Seen::Changed(3)) {
            prop_assert!(Instant::now() < until, "the lock is kept for ever");
            go_on(&last, TERMS.ttl);
        }
        drop(last);

        let seen = seen.lock().unwrap().clone();
        let mut holder = None;
        for happened in &seen {
            match happened {
                Seen::Got(run) => holder = Some(run),
                Seen::Changed(run) => prop_assert_eq!(holder, Some(run), "{:?}", &seen),
            }
        }
    }
}
