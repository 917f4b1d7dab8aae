//! How much waits, for whoever looks after the agent.

use std::time::{Duration, Instant};

use rivetos_types::store::{Letters, StoreError};
use tokio::sync::Mutex;

use super::state::State;
use crate::clock::now;
use crate::metrics::Gauges;
use crate::telemetry::Exporter;

/// How old the figures may be: who asks all the time does not keep the store from its work.
const AGE_MAX: Duration = Duration::from_millis(500);

/// How long the store gets. Health is told also when it hangs.
const STORE_WAIT: Duration = Duration::from_secs(1);

/// What waits in the store; absent when the store did not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Depths {
    pub(crate) parked: Option<u64>,
    pub(crate) letters: Option<Letters>,
}

/// What was seen last. Who asks while somebody looks waits for the same answer.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<Option<(Instant, Depths)>>);

impl State {
    /// What waits in the store, as of now or a moment ago.
    pub(crate) async fn depths(&self) -> Depths {
        let mut seen = self.depths.0.lock().await;
        if let Some((at, depths)) = *seen
            && at.elapsed() < AGE_MAX
        {
            return depths;
        }
        let store = &self.parts.store;
        let looked = async { tokio::join!(store.approvals(None, now()), store.letters(now())) };
        let depths = match tokio::time::timeout(STORE_WAIT, looked).await {
            Ok((approvals, letters)) => Depths {
                parked: self.told(approvals).map(|approvals| count(approvals.len())),
                letters: self.told(letters),
            },
            Err(_) => Depths::default(),
        };
        *seen = Some((Instant::now(), depths));
        depths
    }

    /// What is so at the moment.
    pub(crate) async fn gauges(&self) -> Gauges {
        let Depths { parked, letters } = self.depths().await;
        Gauges {
            open_turns: count(self.open.len()),
            queued_turns: count(self.open.queued()),
            parked_turns: parked,
            letters,
            audit_lost: self.parts.audit.lost(),
            spans_lost: self.exporter.as_ref().map_or(0, Exporter::lost),
        }
    }

    /// That the store can be read says nothing about whether it can be written: only a failure is
    /// noted.
    fn told<T>(&self, result: Result<T, StoreError>) -> Option<T> {
        if result.is_err() {
            self.watch_store(&result);
        }
        result.ok()
    }
}

pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
