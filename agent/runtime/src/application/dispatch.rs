//! Who works on which turn: claims from the store, renews leases, drains.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rivetos_protocol::DrainStatus;
use rivetos_types::message::{OutboundMessage, TokenUsage, TurnOutcome};
use rivetos_types::store::{
    Claim, ClaimedTurn, Commit, Durability, Lease, StoreError, Then, TurnRecord,
};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::drive::{Driven, drive};
use super::state::{Phase, State, lock};
use crate::clock::now;
use crate::streaming::Follower;

/// The most turns that run at once.
const RUNNING_TURNS_MAX: usize = 16;

/// How long a claim keeps others off unless it is renewed, in milliseconds.
const LEASE_MS: i64 = 60_000;

/// How often leases are renewed.
const RENEW_EVERY: Duration = Duration::from_secs(20);

/// How often expired leases and replies are looked for.
const TIDY_EVERY: Duration = Duration::from_mins(1);

/// The longest pause after the store failed.
const PAUSE_MAX: Duration = Duration::from_mins(30);

/// How often a store that failed is tried again, while a turn waits for it.
const TRY_EVERY: Duration = Duration::from_secs(5);

/// How a turn left this process.
enum Left {
    /// Answered.
    Finished,
    /// Waits for a person.
    Parked,
    /// Left between two steps, for the next process.
    HandedOver,
    /// Another process took it.
    TakenOver,
    /// The store failed; the turn is still open there, and this claim keeps it.
    StoreFailed(Claim),
}

/// What became of the turns since a drain began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) status: DrainStatus,
    pub(crate) finished: u64,
    pub(crate) handed_over: u64,
}

impl Tally {
    /// Nothing has ended yet.
    pub(crate) fn new(status: DrainStatus) -> Self {
        Self {
            status,
            finished: 0,
            handed_over: 0,
        }
    }

    fn note(&mut self, left: &Result<Left, tokio::task::JoinError>) {
        match left {
            Ok(Left::Finished) => self.finished += 1,
            Ok(Left::HandedOver) => self.handed_over += 1,
            Ok(Left::Parked | Left::TakenOver | Left::StoreFailed(_)) | Err(_) => {}
        }
    }
}

/// Runs until the drain is over.
pub(super) async fn dispatch(state: Arc<State>) -> Tally {
    let mut tally = Tally::new(DrainStatus::Drained);
    let mut running = JoinSet::new();
    let mut phases = state.phase.subscribe();
    let mut tidy = tokio::time::interval(TIDY_EVERY);
    let mut pause = Pause::default();
    // Whether turns may wait in the store that `state.open` does not know of.
    let mut more = true;
    while !state.draining() {
        let mut wanted = 0;
        tokio::select! {
            _ = tidy.tick() => {
                tidy_up(&state).await;
                more = true;
                wanted = RUNNING_TURNS_MAX;
            }
            () = state.work.notified() => {
                wanted = state.fresh.swap(0, Ordering::AcqRel).min(RUNNING_TURNS_MAX);
            }
            Some(left) = running.join_next() => {
                pause.note(&left);
                if state.draining() {
                    tally.note(&left);
                }
                wanted = usize::from(more || state.open.any_waiting());
            }
            _ = phases.changed() => {}
            () = pause.over() => {
                pause.give_back(&state).await;
                more = true;
                wanted = RUNNING_TURNS_MAX;
            }
            () = state.parts.store.changed() => {
                more = true;
                wanted = RUNNING_TURNS_MAX;
                state.outbox.look();
            }
        }
        if !pause.is_over() {
            continue;
        }
        let none_left = claim_up_to(&state, wanted, &mut running).await;
        more &= !(none_left && running.is_empty());
        state.phase.send_if_modified(|phase| {
            let recovered = *phase == Phase::Recovering;
            if recovered {
                *phase = Phase::Working;
            }
            recovered
        });
    }
    end(&state, running, phases, tally).await
}

/// Drops what expired, and tells watchers what other processes answered.
async fn tidy_up(state: &State) {
    if *state.phase.borrow() == Phase::Recovering {
        return;
    }
    let swept = state.parts.store.sweep(now()).await;
    state.watch_store(&swept);
    state
        .metrics
        .undelivered
        .add(swept.unwrap_or_default().undelivered);
    for (turn, live) in state.open.waiting() {
        match state.parts.store.turn(turn.clone()).await {
            Ok(TurnRecord::Open) | Err(_) => continue,
            Ok(TurnRecord::Finished(reply)) => live.feed.finish(reply),
            Ok(TurnRecord::Unknown) => live.feed.abandon(),
        }
        state.open.forget_unclaimed(&turn);
    }
}

/// Returns whether the store had nothing (more) to claim.
async fn claim_up_to(state: &Arc<State>, wanted: usize, running: &mut JoinSet<Left>) -> bool {
    for _ in 0..wanted {
        if running.len() >= RUNNING_TURNS_MAX || state.draining() {
            return false;
        }
        let at = now();
        let lease = Lease {
            owner: state.owner.clone(),
            now: at,
            until: at.plus_ms(LEASE_MS),
        };
        let claimed = state.parts.store.claim(lease).await;
        state.watch_store(&claimed);
        match claimed {
            Ok(Some(turn)) => {
                // Every line that is logged for the turn says which one it is, at every level.
                let (id, session) = (&turn.claim.turn, &turn.message.session);
                let span = tracing::error_span!("turn", turn = %id, %session);
                running.spawn(work(Arc::clone(state), turn).instrument(span));
            }
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
    false
}

/// After failures of the store, claiming again and again would only cost model requests.
#[derive(Default)]
struct Pause {
    failures: u32,
    until: Option<Instant>,
    /// What keeps turns that nobody works on.
    claims: Vec<Claim>,
}

impl Pause {
    fn note(&mut self, left: &Result<Left, tokio::task::JoinError>) {
        match left {
            Ok(Left::Finished | Left::Parked | Left::HandedOver | Left::TakenOver) => {
                self.failures = 0;
            }
            Ok(Left::StoreFailed(claim)) => {
                self.claims.push(claim.clone());
                self.failures = self.failures.saturating_add(1);
                let seconds = 1_u64.checked_shl(self.failures).unwrap_or(u64::MAX);
                self.until = Some(Instant::now() + Duration::from_secs(seconds).min(PAUSE_MAX));
            }
            Err(error) => tracing::error!(%error, "a turn's task ended early"),
        }
    }

    fn is_over(&self) -> bool {
        self.until.is_none()
    }

    /// Returns when it is; never when there is none.
    async fn over(&mut self) {
        match self.until {
            Some(until) => tokio::time::sleep_until(until.into()).await,
            None => std::future::pending().await,
        }
        self.until = None;
    }

    /// Lets go of the turns, so that they need not wait for the end of their leases. Begins anew
    /// when the store still fails.
    async fn give_back(&mut self, state: &State) {
        while let Some(claim) = self.claims.pop() {
            match give_back(state, claim.clone()).await {
                Ok(()) | Err(StoreError::Fenced(_)) => {}
                Err(StoreError::Full | StoreError::Newer { .. } | StoreError::Failed { .. }) => {
                    self.claims.push(claim);
                    self.until = Some(Instant::now() + TRY_EVERY);
                    return;
                }
            }
        }
        *lock(&state.stranded) = None;
    }
}

/// One turn, from claim to reply.
async fn work(state: Arc<State>, claimed: ClaimedTurn) -> Left {
    let ClaimedTurn { claim, message, .. } = &claimed;
    let (claim, channel, session, address) = (
        claim.clone(),
        message.channel.clone(),
        message.session.clone(),
        message.address.clone(),
    );
    let live = state.open.claim(&claim, &session);
    let to = address.as_deref().and_then(|to| {
        let pushes = state.channel(&channel)?;
        Some((Arc::clone(pushes), to.clone()))
    });
    if let Some((pushes, to)) = to {
        let (outbox, channel, session) =
            (Arc::clone(&state.outbox), channel.clone(), session.clone());
        state.outbox.streams.start(Follower {
            channel: pushes,
            to,
            turn: claim.turn.clone(),
            events: live.feed.watch(&state.watchers),
            after: Box::pin(async move { outbox.all_shown(channel, session).await }),
        });
    }
    let result = tokio::select! {
        result = drive(&state, claimed, &live) => result,
        error = keep_lease(&state, &claim) => Err(error),
    };
    let left = match result {
        Ok(Driven::Parked) => {
            state.open.park(&claim.turn, &live);
            return Left::Parked;
        }
        Ok(Driven::Finished) => Left::Finished,
        Ok(Driven::HandedOver) => Left::HandedOver,
        Err(StoreError::Fenced(turn)) => {
            tracing::warn!(%turn, "another process took the turn over");
            live.feed.abandon();
            Left::TakenOver
        }
        Err(error) => {
            let reason = format!("the turn could not be stored: {error}");
            *lock(&state.stranded) = Some(reason.clone());
            live.feed.finish(OutboundMessage {
                files: Vec::new(),
                turn: claim.turn.clone(),
                channel,
                session: session.clone(),
                address,
                text: live.feed.shown(),
                outcome: TurnOutcome::Failed { reason },
                usage: TokenUsage::default(),
            });
            state.watch_store::<()>(&Err(error));
            Left::StoreFailed(claim.clone())
        }
    };
    state.open.close(&claim.turn, &live);
    left
}

/// Returns only when the turn belongs to somebody else.
async fn keep_lease(state: &State, claim: &Claim) -> StoreError {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let renewed = state
            .parts
            .store
            .renew(claim.clone(), now().plus_ms(LEASE_MS))
            .await;
        state.watch_store(&renewed);
        if let Err(error @ StoreError::Fenced(_)) = renewed {
            return error;
        }
    }
}

/// Lets go of a turn. Whoever claims it next goes on from what it stored last.
async fn give_back(state: &State, claim: Claim) -> Result<(), StoreError> {
    let commit = Commit {
        then: Then::HandOver,
        ..Commit::step(Vec::new(), now(), Durability::ProcessCrash)
    };
    let stored = state.parts.store.commit(claim, commit).await;
    state.watch_store(&stored);
    stored
}

/// Lets go of the turns that were cut off, so that the next process need not wait for the end of
/// their leases. Returns how many there were.
async fn hand_over(state: &State) -> u64 {
    let mut turns = 0;
    for claim in state.open.claims() {
        turns += u64::from(give_back(state, claim).await.is_ok());
    }
    turns
}

/// Lets what runs end by the deadline, which another drain may bring nearer; what does not stays
/// open in the store.
async fn end(
    state: &State,
    mut running: JoinSet<Left>,
    mut phases: watch::Receiver<Phase>,
    mut tally: Tally,
) -> Tally {
    loop {
        let phase = *phases.borrow_and_update();
        let deadline = match phase {
            Phase::Draining(deadline) => deadline,
            Phase::Recovering | Phase::Working => Instant::now(),
        };
        tokio::select! {
            biased;
            left = running.join_next() => match left {
                Some(left) => tally.note(&left),
                None => break,
            },
            () = tokio::time::sleep_until(deadline.into()) => {
                let turns = running.len();
                tracing::warn!(turns, "the drain's time is over; turns are left open");
                running.shutdown().await;
                tally.status = DrainStatus::Cut;
                tally.handed_over += hand_over(state).await;
                break;
            }
            _ = phases.changed() => {}
        }
    }
    state.open.abandon_all();
    tally
}
