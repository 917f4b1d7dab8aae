//! Holds the lock of a fleet on all its targets for the time of one run.

mod error;
mod process;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use data_encoding::HEXLOWER;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use rivetos_fleet::FleetId;
use rivetos_fleet::model::TargetId;
use rivetos_fleet::port::{Applied, FleetLock, Holder, LeaseId, LockError};

use crate::home::unix_ms;
pub use error::LeaseError;
use process::{Whereabouts, whereabouts};

/// How long a lock stays without a sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Between two signs of life.
    pub heartbeat: Duration,
    /// After this time without a sign of life the lock may be taken over. The holder gives up
    /// when two thirds of it have passed.
    pub ttl: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(10),
            ttl: Duration::from_mins(1),
        }
    }
}

impl Terms {
    fn give_up(self) -> Duration {
        self.ttl * 2 / 3
    }

    /// When the lock is no longer the holder's whatever it knows of it: before others take it.
    fn over(self) -> Duration {
        self.ttl * 5 / 6
    }
}

/// Who wants the lock, and what for.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The fleet.
    pub fleet: FleetId,
    /// The person.
    pub who: String,
    /// The name of this host.
    pub host: String,
    /// For example `infra up`.
    pub operation: String,
    /// How long the lock stays without a sign of life.
    pub terms: Terms,
}

/// What happens while a lock is asked for.
#[derive(Debug)]
pub enum LeaseNotice<'a> {
    /// The holder's clock says that it ended; whether it did is being watched.
    Watching {
        /// Who holds it.
        holder: &'a Holder,
        /// For how long at most.
        at_most: Duration,
    },
    /// The holder had ended without giving the lock back, and it was taken over.
    TakenOver {
        /// Who held it.
        holder: &'a Holder,
    },
}

/// The fleet's lock on all its targets. Ends with [`Lease::release`]; when it is dropped it is
/// given back in the background.
#[must_use = "the lock is given back when this is dropped"]
pub struct Lease {
    held: Vec<Held>,
    terms: Terms,
}

/// The lock on one target, kept alive by a task of its own.
struct Held {
    target: TargetId,
    signs: Arc<Signs>,
    stop: oneshot::Sender<()>,
    keeper: JoinHandle<Result<(), LockError>>,
}

/// What the keeper of a lock knows of it.
struct Signs {
    /// When the last sign of life was given.
    last_unix_ms: AtomicU64,
    /// Why the lock is no longer ours.
    lost: OnceLock<String>,
}

impl Signs {
    /// For how long no sign of life was given. This clock goes on while the host sleeps.
    fn silent(&self) -> Duration {
        let last = self.last_unix_ms.load(Ordering::Relaxed);
        Duration::from_millis(unix_ms().saturating_sub(last))
    }
}

fn no_sign(silent: Duration) -> String {
    format!("no sign of life was given for {} s", silent.as_secs())
}

impl Lease {
    /// Takes the lock of the fleet on each of `locks`, in their order, which is the same for every
    /// run: two runs never wait for each other. `notice` hears what takes time.
    ///
    /// A lock whose holder was a process of this host and has ended is taken over at once. A
    /// holder elsewhere whose last sign of life is older than its time to live is watched for as
    /// long once more, by this host's steady clock, so that clocks which differ do no harm. Every
    /// other holder is [`LeaseError::Held`] at once.
    pub async fn take<L: FleetLock + Send + 'static>(
        locks: BTreeMap<TargetId, L>,
        claim: &Claim,
        notice: &(dyn Fn(&LeaseNotice<'_>) + Sync),
    ) -> Result<Self, LeaseError> {
        let mut lease = Self {
            held: Vec::new(),
            terms: claim.terms,
        };
        let mut holder = holder(claim)?;
        for (target, lock) in locks {
            let asked = Asked {
                fleet: &claim.fleet,
                target: &target,
                lock: &lock,
                notice,
            };
            match asked.token(&mut holder).await {
                Ok(token) => {
                    let held = keep(target, lock, token, (holder.clone(), claim.terms));
                    lease.held.push(held);
                }
                Err(error) => {
                    // What matters is why the lock was not to be had.
                    let _ = lease.release().await;
                    return Err(error);
                }
            }
        }
        Ok(lease)
    }

    /// Why the lock is no longer this run's, if so. Nothing new may be begun then.
    pub fn lost(&self) -> Option<LeaseError> {
        self.held.iter().find_map(|held| {
            let silent = held.signs.silent();
            let message = match held.signs.lost.get() {
                Some(message) => message.clone(),
                // The host slept: the keeper had no chance to notice.
                None if silent >= self.terms.over() => no_sign(silent),
                None => return None,
            };
            Some(LeaseError::Lost {
                target: held.target.clone(),
                message,
            })
        })
    }

    /// Gives the lock back on every target. Returns the first failure, after trying all.
    pub async fn release(self) -> Result<(), LeaseError> {
        let mut ended = Ok(());
        for held in self.held.into_iter().rev() {
            let Held {
                target,
                stop,
                keeper,
                ..
            } = held;
            drop(stop);
            let released = keeper.await.unwrap_or(Ok(()));
            ended = ended.and(released.map_err(|error| LeaseError::failed(&target, error)));
        }
        ended
    }
}

/// Takes the lock with this id away from a run that does not come back, on every target where it
/// has it.
pub async fn unlock<L: FleetLock>(
    locks: &BTreeMap<TargetId, L>,
    fleet: &FleetId,
    id: &LeaseId,
) -> Result<Applied, LeaseError> {
    let mut ended = Applied::AlreadySo;
    let mut others = None;
    for (target, lock) in locks {
        let failed = |error| LeaseError::failed(target, error);
        let Some(holder) = lock.holder().await.map_err(failed)? else {
            continue;
        };
        if holder.id != *id {
            others = Some(holder);
            continue;
        }
        if whereabouts(&holder) == Whereabouts::Here {
            return Err(LeaseError::Alive {
                holder: Box::new(holder),
            });
        }
        if lock.break_lock(id).await.map_err(failed)? == Applied::Changed {
            ended = Applied::Changed;
        }
    }
    match (ended, others) {
        (Applied::AlreadySo, Some(holder)) => Err(LeaseError::Held {
            fleet: fleet.clone(),
            holder: Box::new(holder),
        }),
        (ended, _) => Ok(ended),
    }
}

/// One lock that is asked for.
struct Asked<'a, L> {
    fleet: &'a FleetId,
    target: &'a TargetId,
    lock: &'a L,
    notice: &'a (dyn Fn(&LeaseNotice<'_>) + Sync),
}

impl<L: FleetLock> Asked<'_, L> {
    /// `holder` says afterwards when it gave its first sign of life on this target: another one's
    /// end may have been watched for long before.
    async fn token(&self, holder: &mut Holder) -> Result<L::Token, LeaseError> {
        holder.beat_unix_ms = unix_ms();
        let theirs = match self.lock.acquire(holder).await {
            Ok(token) => return Ok(token),
            Err(error) => self.held(error)?,
        };
        self.must_have_ended(&theirs).await?;
        match self.lock.break_lock(&theirs.id).await {
            Ok(Applied::Changed) => (self.notice)(&LeaseNotice::TakenOver { holder: &theirs }),
            Ok(Applied::AlreadySo) => {}
            // Somebody else was faster.
            Err(error) => return Err(self.refused(self.held(error)?)),
        }
        holder.beat_unix_ms = unix_ms();
        match self.lock.acquire(holder).await {
            Ok(token) => Ok(token),
            Err(error) => Err(self.refused(self.held(error)?)),
        }
    }

    /// Who has the lock, when that is why it is not to be had.
    fn held(&self, error: LockError) -> Result<Holder, LeaseError> {
        match error {
            LockError::Held { holder } => Ok(*holder),
            error @ (LockError::Lost { .. } | LockError::Failed { .. }) => {
                Err(LeaseError::failed(self.target, error))
            }
        }
    }

    fn refused(&self, holder: Holder) -> LeaseError {
        LeaseError::Held {
            fleet: self.fleet.clone(),
            holder: Box::new(holder),
        }
    }

    async fn must_have_ended(&self, holder: &Holder) -> Result<(), LeaseError> {
        match whereabouts(holder) {
            Whereabouts::Ended => Ok(()),
            Whereabouts::Here => Err(self.refused(holder.clone())),
            Whereabouts::Elsewhere => {
                if unix_ms().abs_diff(holder.beat_unix_ms) < holder.ttl_ms {
                    return Err(self.refused(holder.clone()));
                }
                self.watch(holder).await
            }
        }
    }

    /// Waits until the holder gave no sign of life for as long as it may.
    async fn watch(&self, holder: &Holder) -> Result<(), LeaseError> {
        let at_most = Duration::from_millis(holder.ttl_ms);
        (self.notice)(&LeaseNotice::Watching { holder, at_most });
        let until = Instant::now() + at_most;
        while Instant::now() < until {
            tokio::time::sleep(at_most / 12).await;
            let now = self.lock.holder().await;
            match now.map_err(|error| LeaseError::failed(self.target, error))? {
                None => return Ok(()),
                Some(now) if now.id != holder.id || now.beat != holder.beat => {
                    return Err(self.refused(now));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// Gives signs of life until it is told to stop or the lock is lost, then gives the lock back.
fn keep<L: FleetLock + Send + 'static>(
    target: TargetId,
    lock: L,
    token: L::Token,
    (mut holder, terms): (Holder, Terms),
) -> Held {
    let (stop, mut stopped) = oneshot::channel();
    let signs = Arc::new(Signs {
        last_unix_ms: AtomicU64::new(holder.beat_unix_ms),
        lost: OnceLock::new(),
    });
    let seen = Arc::clone(&signs);
    let keeper = tokio::spawn(async move {
        let mut last = Instant::now();
        while timeout(terms.heartbeat, &mut stopped).await.is_err() {
            let began = Instant::now();
            // Whoever stood still for so long may be thought dead: one more sign of life could come
            // after somebody's last look and before the lock is taken over.
            let silent = seen.silent().max(last.elapsed());
            if silent >= terms.over() {
                let _ = seen.lost.set(no_sign(silent));
                break;
            }
            holder.beat += 1;
            holder.beat_unix_ms = unix_ms();
            let why = match timeout(terms.heartbeat, lock.renew(&token, &holder)).await {
                Ok(Ok(())) => {
                    last = began;
                    seen.last_unix_ms
                        .store(holder.beat_unix_ms, Ordering::Relaxed);
                    continue;
                }
                Ok(Err(LockError::Lost { message })) => {
                    let _ = seen.lost.set(message);
                    return Ok(());
                }
                Ok(Err(error @ (LockError::Held { .. } | LockError::Failed { .. }))) => {
                    error.to_string()
                }
                Err(_) => "the target does not answer".to_owned(),
            };
            if last.elapsed() >= terms.give_up() {
                let _ = seen.lost.set(why);
                break;
            }
        }
        timeout(terms.heartbeat, lock.release(token))
            .await
            .unwrap_or_else(|_| {
                Err(LockError::Failed {
                    message: "giving back the lock: the target does not answer".to_owned(),
                    hint: None,
                })
            })
    });
    Held {
        target,
        signs,
        stop,
        keeper,
    }
}

fn holder(claim: &Claim) -> Result<Holder, LeaseError> {
    let mut random = [0; 6];
    getrandom::fill(&mut random).map_err(|error| LeaseError::NoRandomness {
        message: error.to_string(),
    })?;
    let now = unix_ms();
    Ok(Holder {
        id: LeaseId(HEXLOWER.encode(&random)),
        who: claim.who.clone(),
        operation: claim.operation.clone(),
        host: claim.host.clone(),
        pid: std::process::id(),
        process: process::own(),
        since_unix_ms: now,
        beat: 0,
        beat_unix_ms: now,
        ttl_ms: millis(claim.terms.ttl),
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
