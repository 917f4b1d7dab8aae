//! Any sequence of calls against a model of the queue, under a clock that jumps both ways.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(
    dead_code,
    reason = "the contract's checks run elsewhere, its builders are used here"
)]
mod contract;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use contract::{LEASE_MS, last, lease, message, step};
use proptest::prelude::*;
use rivetos_memory_sqlite::SqliteStore;
use rivetos_types::store::{
    Acceptance, Approval, CallHash, CheckpointKind, Claim, Commit, Decided, Decision, StoreError,
    Then, TurnStore,
};
use rivetos_types::time::Timestamp;

const HOUR_MS: i64 = 3_600_000;

#[derive(Debug, Clone)]
enum Call {
    Accept { session: u8, id: u8 },
    AcceptAndClaim { process: u8, session: u8, id: u8 },
    Claim { process: u8 },
    Finish { nth: u8 },
    HandOver { nth: u8 },
    Park { nth: u8, ms: i64 },
    Decide { nth: u8 },
    Pass { ms: i64 },
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let one = prop_oneof![
        4 => (0..3u8, 0..12u8).prop_map(|(session, id)| Call::Accept { session, id }),
        2 => (0..2u8, 0..3u8, 0..12u8).prop_map(|(process, session, id)| {
            Call::AcceptAndClaim { process, session, id }
        }),
        5 => (0..2u8).prop_map(|process| Call::Claim { process }),
        3 => any::<u8>().prop_map(|nth| Call::Finish { nth }),
        1 => any::<u8>().prop_map(|nth| Call::HandOver { nth }),
        3 => (any::<u8>(), 1..3 * LEASE_MS).prop_map(|(nth, ms)| Call::Park { nth, ms }),
        3 => any::<u8>().prop_map(|nth| Call::Decide { nth }),
        1 => (-2 * LEASE_MS..2 * LEASE_MS).prop_map(|ms| Call::Pass { ms }),
        1 => prop_oneof![Just(HOUR_MS), Just(-HOUR_MS)].prop_map(|ms| Call::Pass { ms }),
    ];
    prop::collection::vec(one, 1..80)
}

/// A right to write that was given.
#[derive(Clone)]
struct Given {
    session: u8,
    id: u8,
    claim: Claim,
    /// Whether its owner gave it back.
    ended: bool,
}

/// What was asked about a turn last.
struct Question {
    session: u8,
    id: u8,
    call: CallHash,
    expires_at: i64,
    decided: Option<Decided>,
}

/// The queue as it ought to be: whole and in order, one lease per session.
#[derive(Default)]
struct Model {
    open: VecDeque<(u8, u8)>,
    known: BTreeSet<u8>,
    /// When the session can be claimed.
    free_at: BTreeMap<u8, i64>,
    /// Sessions that wait for nobody's lease, but for a person.
    unowned: BTreeSet<u8>,
    given: Vec<Given>,
    asked: Vec<Question>,
}

impl Model {
    fn next(&self, now: i64) -> Option<(u8, u8)> {
        let free = |session: &u8| self.free_at.get(session).is_none_or(|at| *at <= now);
        self.open.iter().copied().find(|(session, _)| free(session))
    }

    /// Whether this claim is the last one that was given for its turn, and the turn is open.
    fn holds(&self, nth: usize) -> bool {
        let Given { id, ended, .. } = &self.given[nth];
        self.open.iter().any(|(_, open)| open == id)
            && !ended
            && self.given[nth + 1..].iter().all(|later| later.id != *id)
    }

    fn claimed(&mut self, session: u8, id: u8, claim: Claim, now: i64) {
        self.free_at.insert(session, now + LEASE_MS);
        self.unowned.remove(&session);
        self.given.push(Given {
            session,
            id,
            claim,
            ended: false,
        });
    }

    /// What the turn's last question came to.
    fn decided(&self, id: u8) -> Option<Decided> {
        let last = self.asked.iter().rfind(|question| question.id == id)?;
        last.decided.clone()
    }

    /// The owner gives the turn back; nobody has it before `until`.
    fn give_back(&mut self, nth: usize, until: i64) {
        let given = &mut self.given[nth];
        given.ended = true;
        self.free_at.insert(given.session, until);
        self.unowned.insert(given.session);
    }

    /// Whether a decision about the question counts, and what it does.
    fn decide(&mut self, nth: usize, decided: &Decided, now: i64) -> bool {
        let question = &self.asked[nth];
        let (session, id) = (question.session, question.id);
        let is_last = self.asked[nth + 1..].iter().all(|later| later.id != id);
        let is_open = self.open.iter().any(|(_, open)| *open == id);
        let waits = question.decided.is_none() && question.expires_at > now;
        if !(is_last && is_open && waits) {
            return false;
        }
        self.asked[nth].decided = Some(decided.clone());
        if self.unowned.contains(&session) {
            self.free_at.insert(session, 0);
        }
        true
    }
}

/// Two processes, the model, and the time that both read.
struct World {
    stores: [SqliteStore; 2],
    model: Model,
    now: i64,
}

impl World {
    async fn accept(&mut self, session: u8, id: u8) -> Result<(), TestCaseError> {
        let one = message(&session.to_string(), &id.to_string());
        let got = self.stores[0].accept(one).await;
        let new = self.model.known.insert(id);
        let want = if new {
            Acceptance::New
        } else {
            Acceptance::Known
        };
        prop_assert_eq!(got, Ok(want));
        if new {
            self.model.open.push_back((session, id));
        }
        Ok(())
    }

    async fn accept_and_claim(
        &mut self,
        process: u8,
        (session, id): (u8, u8),
    ) -> Result<(), TestCaseError> {
        let one = message(&session.to_string(), &id.to_string());
        let store = &self.stores[usize::from(process)];
        let lease = lease(&process.to_string(), self.now);
        let (accepted, claimed) = store.accept_and_claim(one, lease).await.unwrap();
        let new = self.model.known.insert(id);
        prop_assert_eq!(accepted == Acceptance::New, new);
        let alone = self.model.open.iter().all(|(open, _)| *open != session);
        prop_assert_eq!(claimed.is_some(), new && alone);
        if new {
            self.model.open.push_back((session, id));
        }
        if let Some(held) = claimed {
            let of_session = |given: &&Given| given.session == session;
            let mut older = self.model.given.iter().filter(of_session);
            prop_assert!(older.all(|given| given.claim.token < held.claim.token));
            self.model.claimed(session, id, held.claim, self.now);
        }
        Ok(())
    }

    async fn claim(&mut self, process: u8) -> Result<(), TestCaseError> {
        let store = &self.stores[usize::from(process)];
        let lease = lease(&process.to_string(), self.now);
        let got = store.claim(lease).await.unwrap();
        let want = self.model.next(self.now);
        let id = got.as_ref().map(|held| held.message.id.to_string());
        prop_assert_eq!(id, want.map(|(_, id)| id.to_string()));
        if let (Some((session, id)), Some(held)) = (want, got) {
            prop_assert_eq!(held.decided, self.model.decided(id));
            let mut older = self.model.given.iter().filter(|given| given.id == id);
            prop_assert!(older.all(|given| given.claim.token < held.claim.token));
            self.model.claimed(session, id, held.claim, self.now);
        }
        Ok(())
    }

    /// Commits for any claim that was ever given. Returns whether it still counts, as the model
    /// wants it.
    async fn commit(&self, nth: usize, commit: Commit) -> Result<bool, TestCaseError> {
        let holds = self.model.holds(nth);
        let claim = self.model.given[nth].claim.clone();
        let fenced = StoreError::Fenced(claim.turn.clone());
        let got = self.stores[1].commit(claim, commit).await;
        prop_assert_eq!(got, if holds { Ok(()) } else { Err(fenced) });
        Ok(holds)
    }

    async fn finish(&mut self, nth: usize) -> Result<(), TestCaseError> {
        let Given { session, id, .. } = self.model.given[nth].clone();
        let of = message(&session.to_string(), &id.to_string());
        if self.commit(nth, last(&of, "x", 1)).await? {
            self.model.open.retain(|(_, open)| *open != id);
            self.model.free_at.remove(&session);
        }
        Ok(())
    }

    async fn hand_over(&mut self, nth: usize) -> Result<(), TestCaseError> {
        if self.commit(nth, then(Then::HandOver)).await? {
            self.model.give_back(nth, 0);
        }
        Ok(())
    }

    async fn park(&mut self, nth: usize, ms: i64) -> Result<(), TestCaseError> {
        let Given { session, id, .. } = self.model.given[nth].clone();
        let of = message(&session.to_string(), &id.to_string());
        let call = CallHash(format!("call {}", self.model.asked.len()));
        let expires_at = self.now + ms;
        let approval = Approval {
            call: call.clone(),
            turn: of.turn(),
            session: of.session,
            channel: of.channel,
            tool: "shell".into(),
            arguments: "{}".into(),
            expires_at: Timestamp(expires_at),
        };
        if self.commit(nth, then(Then::Park(approval))).await? {
            self.model.give_back(nth, expires_at);
            self.model.asked.push(Question {
                session,
                id,
                call,
                expires_at,
                decided: None,
            });
        }
        Ok(())
    }

    async fn decide(&mut self, nth: usize) -> Result<(), TestCaseError> {
        let question = &self.model.asked[nth];
        let turn = message("", &question.id.to_string()).turn();
        let decided = Decided {
            call: question.call.clone(),
            decision: Decision::Approved,
            by: "operator".into(),
        };
        let now = Timestamp(self.now);
        let got = self.stores[0].decide(turn, decided.clone(), now).await;
        prop_assert_eq!(got, Ok(self.model.decide(nth, &decided, self.now)));
        Ok(())
    }
}

fn then(then: Then) -> Commit {
    Commit {
        then,
        ..step(CheckpointKind::Parked, "{}")
    }
}

async fn check(calls: Vec<Call>) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let open = || SqliteStore::open(&path).unwrap();
    let mut world = World {
        stores: [open(), open()],
        model: Model::default(),
        now: 10 * HOUR_MS,
    };
    for call in calls {
        let given = |nth: u8| usize::from(nth).checked_rem(world.model.given.len());
        let asked = |nth: u8| usize::from(nth).checked_rem(world.model.asked.len());
        match call {
            Call::Accept { session, id } => world.accept(session, id).await?,
            Call::AcceptAndClaim {
                process,
                session,
                id,
            } => world.accept_and_claim(process, (session, id)).await?,
            Call::Claim { process } => world.claim(process).await?,
            Call::Finish { nth } => {
                if let Some(nth) = given(nth) {
                    world.finish(nth).await?;
                }
            }
            Call::HandOver { nth } => {
                if let Some(nth) = given(nth) {
                    world.hand_over(nth).await?;
                }
            }
            Call::Park { nth, ms } => {
                if let Some(nth) = given(nth) {
                    world.park(nth, ms).await?;
                }
            }
            Call::Decide { nth } => {
                if let Some(nth) = asked(nth) {
                    world.decide(nth).await?;
                }
            }
            Call::Pass { ms } => world.now = (world.now + ms).max(1),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn the_queue_behaves_like_its_model(calls in calls()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(calls))?;
    }
}
