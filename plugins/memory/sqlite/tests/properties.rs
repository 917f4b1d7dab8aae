//! Any sequence of calls against a model of the queue.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(
    dead_code,
    reason = "the contract's checks run elsewhere, its builders are used here"
)]
mod contract;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use contract::{LEASE_MS, last, lease, message};
use proptest::prelude::*;
use rivetos_memory_sqlite::SqliteStore;
use rivetos_types::store::{Acceptance, Claim, StoreError, TurnStore};

#[derive(Debug, Clone)]
enum Call {
    Accept { session: u8, id: u8 },
    Claim { process: u8 },
    Finish { nth: u8 },
    Pass { ms: i64 },
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let one = prop_oneof![
        4 => (0..3u8, 0..12u8).prop_map(|(session, id)| Call::Accept { session, id }),
        4 => (0..2u8).prop_map(|process| Call::Claim { process }),
        3 => any::<u8>().prop_map(|nth| Call::Finish { nth }),
        1 => (1..2 * LEASE_MS).prop_map(|ms| Call::Pass { ms }),
    ];
    prop::collection::vec(one, 1..60)
}

/// The queue as it ought to be: whole and in order, one lease per session.
#[derive(Default)]
struct Model {
    open: VecDeque<(u8, u8)>,
    known: BTreeSet<u8>,
    leases: BTreeMap<u8, (u8, i64)>,
    given: Vec<(u8, u8, Claim)>,
}

impl Model {
    fn next(&self, now: i64) -> Option<(u8, u8)> {
        let free = |session: &u8| {
            self.leases
                .get(session)
                .is_none_or(|(_, until)| *until <= now)
        };
        self.open.iter().copied().find(|(session, _)| free(session))
    }

    /// Whether this claim is the last one that was given for its turn, and the turn is open.
    fn holds(&self, nth: usize) -> bool {
        let (_, id, _) = &self.given[nth];
        self.open.iter().any(|(_, open)| open == id)
            && self.given[nth + 1..]
                .iter()
                .all(|(_, later, _)| later != id)
    }
}

async fn check(calls: Vec<Call>) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let stores = [
        SqliteStore::open(&path).unwrap(),
        SqliteStore::open(&path).unwrap(),
    ];
    let mut model = Model::default();
    let mut now = 0;
    for call in calls {
        match call {
            Call::Accept { session, id } => {
                let got = stores[0]
                    .accept(message(&session.to_string(), &id.to_string()))
                    .await;
                let new = model.known.insert(id);
                let want = if new {
                    Acceptance::New
                } else {
                    Acceptance::Known
                };
                prop_assert_eq!(got, Ok(want));
                if new {
                    model.open.push_back((session, id));
                }
            }
            Call::Claim { process } => {
                let store = &stores[usize::from(process)];
                let got = store.claim(lease(&process.to_string(), now)).await.unwrap();
                let want = model.next(now);
                let id = got.as_ref().map(|held| held.message.id.to_string());
                prop_assert_eq!(id, want.map(|(_, id)| id.to_string()));
                if let (Some((session, id)), Some(held)) = (want, got) {
                    model.leases.insert(session, (id, now + LEASE_MS));
                    let older = model.given.iter().filter(|(_, other, _)| *other == id);
                    prop_assert!(older.clone().all(|(.., c)| c.token < held.claim.token));
                    model.given.push((session, id, held.claim));
                }
            }
            Call::Finish { nth } if !model.given.is_empty() => {
                let nth = usize::from(nth) % model.given.len();
                let holds = model.holds(nth);
                let (session, id, claim) = model.given[nth].clone();
                let of = message(&session.to_string(), &id.to_string());
                let fenced = StoreError::Fenced(claim.turn.clone());
                let got = stores[1].commit(claim, last(&of, "x", 1)).await;
                prop_assert_eq!(got, if holds { Ok(()) } else { Err(fenced) });
                if holds {
                    model.open.retain(|(_, open)| *open != id);
                    model.leases.remove(&session);
                }
            }
            Call::Finish { .. } => {}
            Call::Pass { ms } => now += ms,
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_queue_behaves_like_its_model(calls in calls()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(check(calls))?;
    }
}
