//! The fleet's lock: who gets it, who is told, who takes over, who must stop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rivetos_engine::{Claim, Exit, Lease, LeaseError, LeaseNotice, Terms, unlock};
use rivetos_fleet::model::TargetId;
use rivetos_fleet::port::{Applied, FleetLock, Holder, LeaseId, LockError};

const TERMS: Terms = Terms {
    heartbeat: Duration::from_millis(20),
    ttl: Duration::from_millis(300),
};

/// A target that keeps its lock in memory: every one that was taken has a number of its own.
#[derive(Clone, Default)]
struct Target(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    taken: u64,
    lock: Option<(u64, Holder)>,
    away: bool,
}

impl Target {
    fn put(&self, holder: Holder) {
        let mut state = self.0.lock().unwrap();
        state.taken += 1;
        state.lock = Some((state.taken, holder));
    }

    fn now(&self) -> Option<Holder> {
        self.0.lock().unwrap().lock.clone().map(|lock| lock.1)
    }

    fn set_away(&self, away: bool) {
        self.0.lock().unwrap().away = away;
    }

    fn locks(&self) -> BTreeMap<TargetId, Self> {
        BTreeMap::from([(TargetId::docker(None), self.clone())])
    }
}

impl FleetLock for Target {
    type Token = u64;

    async fn acquire(&self, holder: &Holder) -> Result<u64, LockError> {
        if let Some(holder) = self.now() {
            return Err(LockError::Held {
                holder: Box::new(holder),
            });
        }
        self.put(holder.clone());
        Ok(self.0.lock().unwrap().taken)
    }

    async fn renew(&self, token: &u64, holder: &Holder) -> Result<(), LockError> {
        let mut state = self.0.lock().unwrap();
        if state.away {
            return Err(LockError::Failed {
                message: "connection refused".to_owned(),
                hint: None,
            });
        }
        match &mut state.lock {
            Some((number, lock)) if number == token => {
                *lock = holder.clone();
                Ok(())
            }
            Some(_) | None => Err(LockError::Lost {
                message: "it was taken over".to_owned(),
            }),
        }
    }

    async fn release(&self, token: u64) -> Result<(), LockError> {
        let mut state = self.0.lock().unwrap();
        if state.lock.as_ref().is_some_and(|lock| lock.0 == token) {
            state.lock = None;
        }
        Ok(())
    }

    async fn holder(&self) -> Result<Option<Holder>, LockError> {
        Ok(self.now())
    }

    async fn break_lock(&self, id: &LeaseId) -> Result<Applied, LockError> {
        let now = self.now();
        match now {
            None => Ok(Applied::AlreadySo),
            Some(holder) if holder.id == *id => {
                self.0.lock().unwrap().lock = None;
                Ok(Applied::Changed)
            }
            Some(holder) => Err(LockError::Held {
                holder: Box::new(holder),
            }),
        }
    }
}

fn claim(who: &str) -> Claim {
    Claim {
        fleet: "f".parse().unwrap(),
        who: who.to_owned(),
        host: "here".to_owned(),
        operation: "infra up".to_owned(),
        terms: TERMS,
    }
}

async fn take(target: &Target, who: &str) -> Result<Lease, LeaseError> {
    Lease::take(target.locks(), &claim(who), &|_| {}).await
}

/// [`take`], with the notices on the way.
async fn take_noting(target: &Target) -> (Result<Lease, LeaseError>, Vec<&'static str>) {
    let seen = Mutex::new(Vec::new());
    let note = |notice: &LeaseNotice<'_>| {
        seen.lock().unwrap().push(match notice {
            LeaseNotice::Watching { .. } => "watching",
            LeaseNotice::TakenOver { .. } => "taken over",
        });
    };
    let taken = Lease::take(target.locks(), &claim("bob"), &note).await;
    (taken, seen.into_inner().unwrap())
}

fn unix_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(now.unwrap().as_millis()).unwrap()
}

/// A holder on another host whose last sign of life was so long ago.
fn elsewhere(ago: Duration) -> Holder {
    let then = unix_ms() - u64::try_from(ago.as_millis()).unwrap();
    Holder {
        id: LeaseId("abc".to_owned()),
        who: "ann".to_owned(),
        operation: "infra destroy".to_owned(),
        host: "there".to_owned(),
        pid: 1,
        process: Some("another-boot pid:[1] 1".to_owned()),
        since_unix_ms: then,
        beat: 7,
        beat_unix_ms: then,
        ttl_ms: 300,
    }
}

async fn lost(lease: &Lease) -> LeaseError {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(error) = lease.lost() {
            return error;
        }
        assert!(Instant::now() < until, "the loss is not noticed");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_second_run_learns_who_holds_the_lock() {
    let target = Target::default();
    let lease = take(&target, "ann").await.unwrap();
    let error = take(&target, "bob").await.err().unwrap();
    let process = std::process::id();
    let who = format!("locked by another run: `infra up` by ann on here, process {process}, for ");
    assert!(error.to_string().contains(&who), "{error}");
    assert_eq!(error.exit(), Exit::Locked);
    let id = target.now().unwrap().id;
    let unlock = format!("`rivetos infra unlock {id}`");
    assert!(error.hints()[1].contains(&unlock), "{:?}", error.hints());
    lease.release().await.unwrap();
    take(&target, "bob").await.unwrap().release().await.unwrap();
    assert_eq!(target.now(), None);
}

#[tokio::test]
async fn a_holder_gives_signs_of_life() {
    let target = Target::default();
    let lease = take(&target, "ann").await.unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    while target.now().unwrap().beat < 3 {
        assert!(Instant::now() < until, "no sign of life");
        tokio::task::yield_now().await;
    }
    assert!(lease.lost().is_none());
    lease.release().await.unwrap();
}

#[tokio::test]
async fn a_holder_of_this_host_that_ended_is_followed_at_once() {
    let target = Target::default();
    let first = take(&target, "ann").await.unwrap();
    let mut holder = target.now().unwrap();
    first.release().await.unwrap();
    // This process's number, when another process had it.
    let process = holder.process.unwrap();
    let (place, _) = process.rsplit_once(' ').unwrap();
    holder.process = Some(format!("{place} 1"));
    target.put(holder);
    let (taken, notices) = take_noting(&target).await;
    assert_eq!(notices, ["taken over"]);
    taken.unwrap().release().await.unwrap();
}

#[tokio::test]
async fn a_holder_elsewhere_is_believed_while_its_sign_of_life_is_fresh() {
    let target = Target::default();
    target.put(elsewhere(Duration::from_millis(100)));
    let (taken, notices) = take_noting(&target).await;
    assert!(matches!(taken, Err(LeaseError::Held { .. })));
    assert_eq!(notices, Vec::<&str>::new());
}

#[tokio::test]
async fn a_silent_holder_elsewhere_is_watched_and_followed() {
    let target = Target::default();
    target.put(elsewhere(Duration::from_hours(1)));
    let began = Instant::now();
    let (taken, notices) = take_noting(&target).await;
    assert_eq!(notices, ["watching", "taken over"]);
    assert!(began.elapsed() >= TERMS.ttl);
    let lease = taken.unwrap();
    assert!(lease.lost().is_none(), "lost as soon as it was taken over");
    lease.release().await.unwrap();
}

#[tokio::test]
async fn a_holder_whose_clock_differs_is_not_followed() {
    let target = Target::default();
    let holder = elsewhere(Duration::from_hours(1));
    target.put(holder.clone());
    let beats = {
        let target = target.clone();
        tokio::spawn(async move {
            let mut alive = Holder { beat: 8, ..holder };
            loop {
                tokio::time::sleep(TERMS.heartbeat).await;
                alive.beat += 1;
                target.put(alive.clone());
            }
        })
    };
    let (taken, notices) = take_noting(&target).await;
    assert!(matches!(taken, Err(LeaseError::Held { .. })));
    assert_eq!(notices, ["watching"]);
    beats.abort();
}

#[tokio::test]
async fn who_lost_the_lock_knows_and_leaves_the_new_one_alone() {
    let target = Target::default();
    let lease = take(&target, "ann").await.unwrap();
    target.put(elsewhere(Duration::ZERO));
    let error = lost(&lease).await;
    assert_eq!(error.exit(), Exit::Locked);
    assert_eq!(
        error.to_string(),
        "the fleet's lock on docker was lost: it was taken over"
    );
    lease.release().await.unwrap();
    assert_eq!(target.now().unwrap().who, "ann");
    assert_eq!(target.now().unwrap().host, "there");
}

#[tokio::test]
async fn who_cannot_be_heard_gives_up_before_others_take_over() {
    let target = Target::default();
    let lease = take(&target, "ann").await.unwrap();
    let began = Instant::now();
    target.set_away(true);
    let error = lost(&lease).await;
    assert!(began.elapsed() < TERMS.ttl);
    assert!(error.to_string().contains("connection refused"), "{error}");
    target.set_away(false);
    lease.release().await.unwrap();
    assert_eq!(target.now(), None);
}

#[tokio::test]
async fn who_stood_still_does_not_come_back() {
    let target = Target::default();
    let lease = take(&target, "ann").await.unwrap();
    let beat = target.now().unwrap().beat;
    // Nothing of this process goes on meanwhile, as on a host that sleeps.
    let woken = Instant::now() + TERMS.ttl;
    while Instant::now() < woken {
        std::hint::spin_loop();
    }
    lost(&lease).await;
    while let Some(now) = target.now() {
        assert_eq!(
            now.beat, beat,
            "a sign of life under the feet of who takes over"
        );
        tokio::task::yield_now().await;
    }
    lost(&lease).await;
    lease.release().await.unwrap();
}

#[tokio::test]
async fn all_targets_are_locked_or_none() {
    let (first, second) = (Target::default(), Target::default());
    second.put(elsewhere(Duration::ZERO));
    let locks = || {
        BTreeMap::from([
            (TargetId::docker(None), first.clone()),
            (TargetId::docker(Some("nas")), second.clone()),
        ])
    };
    let taken = Lease::take(locks(), &claim("bob"), &|_| {}).await;
    assert!(matches!(taken, Err(LeaseError::Held { .. })));
    assert_eq!(first.now(), None);

    let fleet = claim("bob").fleet;
    let id = LeaseId("abc".to_owned());
    assert_eq!(
        unlock(&locks(), &fleet, &id).await.unwrap(),
        Applied::Changed
    );
    let lease = Lease::take(locks(), &claim("bob"), &|_| {}).await.unwrap();
    assert_eq!(first.now().unwrap().id, second.now().unwrap().id);
    lease.release().await.unwrap();
    assert_eq!((first.now(), second.now()), (None, None));
}

#[tokio::test]
async fn unlocking_needs_the_very_id_and_a_holder_that_ended() {
    let target = Target::default();
    let fleet = claim("ann").fleet;
    let wrong = LeaseId("wrong".to_owned());
    let nothing = unlock(&target.locks(), &fleet, &wrong).await.unwrap();
    assert_eq!(nothing, Applied::AlreadySo);

    let lease = take(&target, "ann").await.unwrap();
    let other = unlock(&target.locks(), &fleet, &wrong).await.unwrap_err();
    assert_eq!(other.exit(), Exit::Locked);
    let id = target.now().unwrap().id;
    let alive = unlock(&target.locks(), &fleet, &id).await.unwrap_err();
    assert_eq!(alive.exit(), Exit::Blocked);
    lease.release().await.unwrap();
}
