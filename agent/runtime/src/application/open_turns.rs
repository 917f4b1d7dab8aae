//! The turns that this process knows of and that are not answered yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use rivetos_types::id::{SessionId, TurnId};
use rivetos_types::intake::IntakeError;
use rivetos_types::message::ContentPart;
use rivetos_types::store::Claim;
use tokio::sync::watch;

use super::feed::Feed;
use super::state::lock;

/// The most turns that wait or run in one session.
const SESSION_TURNS_MAX: usize = 33;

/// The most turns that wait or run in all sessions.
const TURNS_MAX: usize = 1024;

/// What a person may say to a running turn before it has read any of it, in messages.
const STEERS_MAX: usize = 16;

/// A turn that somebody may watch, steer or stop.
#[derive(Debug, Default)]
pub(crate) struct LiveTurn {
    pub(crate) feed: Arc<Feed>,
    stop: watch::Sender<bool>,
    steers: Mutex<Vec<Vec<ContentPart>>>,
}

impl LiveTurn {
    /// Ends the turn at once.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Says something to the turn, for its next request. `false` when too much is waiting.
    pub(crate) fn steer(&self, content: Vec<ContentPart>) -> bool {
        let mut steers = lock(&self.steers);
        let room = steers.len() < STEERS_MAX;
        if room {
            steers.push(content);
        }
        room
    }

    /// What was said since the last time.
    pub(crate) fn take_steers(&self) -> Vec<Vec<ContentPart>> {
        std::mem::take(&mut lock(&self.steers))
    }

    /// Returns when somebody stopped the turn.
    pub(crate) async fn stopped(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.stop.subscribe().wait_for(|stopped| *stopped).await;
    }
}

#[derive(Debug)]
struct Entry {
    /// `None` until somebody told, for a turn that an earlier process accepted.
    session: Option<SessionId>,
    stage: Stage,
    /// Of the turn that this process works on.
    claim: Option<Claim>,
    live: Arc<LiveTurn>,
}

/// What this process knows of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Somebody asked for it; the store has the last word.
    Asked,
    /// The store has it, and this process will claim it.
    Accepted,
    /// This process works on it.
    Claimed,
    /// This process worked on it and asked a person.
    Parked,
}

#[derive(Debug, Default)]
pub(crate) struct OpenTurns(Mutex<HashMap<TurnId, Entry>>);

impl OpenTurns {
    pub(crate) fn len(&self) -> usize {
        lock(&self.0).len()
    }

    /// The turns that wait for their session or for a place.
    pub(crate) fn queued(&self) -> usize {
        let turns = lock(&self.0);
        let queued = turns.values().filter(|entry| match entry.stage {
            Stage::Asked | Stage::Accepted => true,
            Stage::Claimed | Stage::Parked => false,
        });
        queued.count()
    }

    /// Makes room for a message that is about to be accepted; harmless for a known one.
    pub(crate) fn reserve(&self, turn: &TurnId, session: &SessionId) -> Result<(), IntakeError> {
        let mut turns = lock(&self.0);
        if turns.contains_key(turn) {
            return Ok(());
        }
        let of_session = turns
            .values()
            .filter(|entry| entry.session.as_ref() == Some(session));
        let waiting = of_session.count();
        if waiting >= SESSION_TURNS_MAX || turns.len() >= TURNS_MAX {
            return Err(IntakeError::QueueFull(waiting.saturating_sub(1)));
        }
        let session = Some(session.clone());
        turns.insert(
            turn.clone(),
            Entry {
                session,
                stage: Stage::Asked,
                claim: None,
                live: Arc::default(),
            },
        );
        Ok(())
    }

    /// The store took the turn.
    pub(crate) fn accepted(&self, turn: &TurnId) {
        if let Some(entry) = lock(&self.0).get_mut(turn)
            && entry.stage == Stage::Asked
        {
            entry.stage = Stage::Accepted;
        }
    }

    /// A turn of which the store need not be asked.
    pub(crate) fn known(&self, turn: &TurnId) -> Option<Arc<LiveTurn>> {
        let turns = lock(&self.0);
        let entry = turns
            .get(turn)
            .filter(|entry| entry.stage != Stage::Asked)?;
        Some(Arc::clone(&entry.live))
    }

    /// The turn, open from now on if it was not before.
    pub(crate) fn open(&self, turn: &TurnId) -> Arc<LiveTurn> {
        let mut turns = lock(&self.0);
        let new = || Entry {
            session: None,
            stage: Stage::Asked,
            claim: None,
            live: Arc::default(),
        };
        Arc::clone(&turns.entry(turn.clone()).or_insert_with(new).live)
    }

    /// The turn that this process now works on. When it did so before, its lease ran out while the
    /// process slept; what is left of that work has its own watchers and is about to be fenced.
    pub(crate) fn claim(&self, claim: &Claim, session: &SessionId) -> Arc<LiveTurn> {
        let mut turns = lock(&self.0);
        let new = || Entry {
            session: None,
            stage: Stage::Asked,
            claim: None,
            live: Arc::default(),
        };
        let entry = turns.entry(claim.turn.clone()).or_insert_with(new);
        if entry.stage == Stage::Claimed {
            entry.live = Arc::default();
        }
        entry.stage = Stage::Claimed;
        entry.claim = Some(claim.clone());
        entry.session = Some(session.clone());
        Arc::clone(&entry.live)
    }

    /// Forgets a turn that nobody works on: it turned out to be none, or answered before.
    pub(crate) fn forget_unclaimed(&self, turn: &TurnId) {
        let mut turns = lock(&self.0);
        if turns
            .get(turn)
            .is_some_and(|entry| entry.stage != Stage::Claimed)
        {
            turns.remove(turn);
        }
    }

    /// Forgets a turn that is over, unless it was claimed anew since `live` was.
    pub(crate) fn close(&self, turn: &TurnId, live: &Arc<LiveTurn>) {
        let mut turns = lock(&self.0);
        if turns
            .get(turn)
            .is_some_and(|entry| Arc::ptr_eq(&entry.live, live))
        {
            turns.remove(turn);
        }
    }

    /// Nobody works on the turn until a person has decided; its watchers stay.
    pub(crate) fn park(&self, turn: &TurnId, live: &Arc<LiveTurn>) {
        let mut turns = lock(&self.0);
        if let Some(entry) = turns.get_mut(turn)
            && Arc::ptr_eq(&entry.live, live)
        {
            entry.stage = Stage::Parked;
            entry.claim = None;
        }
    }

    /// The turn of the session that this process works on.
    pub(crate) fn running(&self, session: &SessionId) -> Option<Arc<LiveTurn>> {
        let turns = lock(&self.0);
        let mut running = turns.values().filter(|entry| {
            entry.stage == Stage::Claimed && entry.session.as_ref() == Some(session)
        });
        running.next().map(|entry| Arc::clone(&entry.live))
    }

    /// What this process holds.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        let turns = lock(&self.0);
        turns
            .values()
            .filter_map(|entry| entry.claim.clone())
            .collect()
    }

    pub(crate) fn of_session(&self, session: &SessionId) -> Vec<Arc<LiveTurn>> {
        let turns = lock(&self.0);
        let of_session = turns
            .values()
            .filter(|entry| entry.session.as_ref() == Some(session));
        of_session.map(|entry| Arc::clone(&entry.live)).collect()
    }

    /// The turns that nobody in this process works on.
    pub(crate) fn waiting(&self) -> Vec<(TurnId, Arc<LiveTurn>)> {
        let turns = lock(&self.0);
        let waiting = turns
            .iter()
            .filter(|(_, entry)| entry.stage != Stage::Claimed);
        waiting
            .map(|(turn, entry)| (turn.clone(), Arc::clone(&entry.live)))
            .collect()
    }

    /// The turns that wait in the store and that this process will claim.
    pub(crate) fn claimable(&self) -> usize {
        let turns = lock(&self.0);
        let accepted = |entry: &&Entry| entry.stage == Stage::Accepted;
        turns.values().filter(accepted).count()
    }

    /// Ends every stream; the turns stay in the store.
    pub(crate) fn abandon_all(&self) {
        for (_, entry) in lock(&self.0).drain() {
            entry.live.feed.abandon();
        }
    }
}
