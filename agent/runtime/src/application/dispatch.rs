//! Who works on which turn: claims from the store, renews leases, drains.

use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rivetos_protocol::DrainStatus;
use rivetos_types::message::{OutboundMessage, TokenUsage, TurnOutcome};
use rivetos_types::store::{
    Claim, ClaimedTurn, Commit, Durability, Lease, StoreError, Then, TurnRecord,
};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::drive::{Driven, drive};
use super::places::{Arrived, Place, RUNNING_TURNS_MAX};
use super::state::{Phase, State, lock};
use crate::clock::now;
use crate::streaming::Follower;

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
pub(super) async fn dispatch(state: Arc<State>, mut arrived: UnboundedReceiver<Arrived>) -> Tally {
    let mut tally = Tally::new(DrainStatus::Drained);
    let mut running = JoinSet::new();
    let mut phases = state.phase.subscribe();
    let mut tidy = tokio::time::interval(TIDY_EVERY);
    let mut pause = Pause::default();
    let mut backlog = Backlog::default();
    let store = Arc::clone(&state.parts.store);
    // Kept: to begin anew each time would set a timer each time.
    let mut changed = store.changed();
    while !state.draining() {
        let mut wanted = 0;
        tokio::select! {
            _ = tidy.tick() => {
                tidy_up(&state).await;
                backlog.unknown = true;
                wanted = RUNNING_TURNS_MAX;
            }
            Some(Arrived { turn, place }) = arrived.recv() => {
                begin(&state, turn, place, &mut running);
            }
            fresh = state.places.more() => wanted = fresh.min(RUNNING_TURNS_MAX),
            Some(left) = running.join_next() => {
                // All of them: each round of claims takes a while.
                for left in iter::once(left).chain(iter::from_fn(|| running.try_join_next())) {
                    pause.note(&left);
                    if state.draining() {
                        tally.note(&left);
                    }
                }
                wanted = state.open.claimable().max(usize::from(backlog.any()));
            }
            _ = phases.changed() => {}
            () = pause.over() => {
                pause.give_back(&state).await;
                backlog.unknown = true;
                wanted = RUNNING_TURNS_MAX;
            }
            () = &mut changed => {
                changed = store.changed();
                backlog.unknown = true;
                wanted = RUNNING_TURNS_MAX;
                state.outbox.look();
                tell_watchers(&state).await;
            }
        }
        let round = if pause.is_over() {
            claim_up_to(&state, wanted, &mut running).await
        } else {
            Round::Stopped
        };
        backlog.note(&round, running.is_empty());
        state.places.stand_behind(backlog.claimable);
        if !pause.is_over() {
            continue;
        }
        state.phase.send_if_modified(|phase| {
            let recovered = *phase == Phase::Recovering;
            if recovered {
                *phase = Phase::Working;
            }
            recovered
        });
    }
    drop(changed);
    let tally = end(&state, &mut arrived, running, phases, tally).await;
    arrived.close();
    while let Some(Arrived { turn, .. }) = arrived.recv().await {
        let _ = give_back(&state, turn.claim).await;
    }
    tally
}

fn begin(state: &Arc<State>, turn: ClaimedTurn, place: Place, running: &mut JoinSet<Left>) {
    // Every line that is logged for the turn says which one it is, at every level.
    let (id, session) = (&turn.claim.turn, &turn.message.session);
    let span = tracing::error_span!("turn", turn = %id, %session);
    let work = work(Arc::clone(state), turn, place);
    running.spawn(work.instrument(span));
}

/// Drops what expired.
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
    tell_watchers(state).await;
}

/// What other processes answered.
async fn tell_watchers(state: &State) {
    for (turn, live) in state.open.waiting() {
        match state.parts.store.turn(turn.clone()).await {
            Ok(TurnRecord::Open) | Err(_) => continue,
            Ok(TurnRecord::Finished(reply)) => live.feed.finish(reply),
            Ok(TurnRecord::Unknown) => live.feed.abandon(),
        }
        state.open.forget_unclaimed(&turn);
    }
}

/// What may wait in the store.
struct Backlog {
    /// Turns that `state.open` does not know of.
    unknown: bool,
    /// Turns that could be claimed at once.
    claimable: bool,
}

impl Default for Backlog {
    /// Of a process that has not looked yet.
    fn default() -> Self {
        Self {
            unknown: true,
            claimable: true,
        }
    }
}

impl Backlog {
    fn any(&self) -> bool {
        self.unknown || self.claimable
    }

    /// `idle`: nothing runs, so no session hides what waits behind its first turn.
    fn note(&mut self, round: &Round, idle: bool) {
        match round {
            Round::NoneLeft => {
                self.claimable = false;
                self.unknown &= !idle;
            }
            Round::Stopped => self.claimable = true,
            Round::Done => {}
        }
    }
}

/// How a round of claims ended.
enum Round {
    /// As many as were wanted.
    Done,
    /// The store had nothing (more) to claim.
    NoneLeft,
    /// For want of a place, or because the store failed.
    Stopped,
}

async fn claim_up_to(state: &Arc<State>, wanted: usize, running: &mut JoinSet<Left>) -> Round {
    let mut left = wanted;
    while left > 0 {
        // Those that surely wait are claimed together: the store does it in one write.
        let together = state.open.claimable().clamp(1, left);
        let places: Vec<Place> = iter::from_fn(|| state.places.take())
            .take(together)
            .collect();
        let mut round = Round::Done;
        if places.len() < together || state.draining() {
            round = Round::Stopped;
        }
        let claims = places
            .iter()
            .map(|_| state.parts.store.claim(state.lease()));
        for (claimed, place) in join_all(claims).await.into_iter().zip(places) {
            state.watch_store(&claimed);
            match claimed {
                Ok(Some(turn)) => begin(state, turn, place, running),
                Ok(None) => round = Round::NoneLeft,
                Err(_) => round = Round::Stopped,
            }
        }
        match round {
            Round::Done => left -= together,
            Round::NoneLeft | Round::Stopped => return round,
        }
    }
    Round::Done
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
async fn work(state: Arc<State>, claimed: ClaimedTurn, place: Place) -> Left {
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
            drop(place);
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
    drop(place);
    if state.open.claimable() == 0 {
        // Who waits for the reply goes first: the end of this task wakes the dispatcher.
        tokio::task::yield_now().await;
    }
    left
}

impl State {
    /// For a claim from now on.
    pub(super) fn lease(&self) -> Lease {
        let at = now();
        Lease {
            owner: self.owner.clone(),
            now: at,
            until: at.plus_ms(LEASE_MS),
        }
    }
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
pub(super) async fn give_back(state: &State, claim: Claim) -> Result<(), StoreError> {
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
    state: &Arc<State>,
    arrived: &mut UnboundedReceiver<Arrived>,
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
            // Each is handed over at its first step.
            Some(Arrived { turn, place }) = arrived.recv() => {
                begin(state, turn, place, &mut running);
            }
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
