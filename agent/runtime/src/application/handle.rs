//! The application as the composition root holds it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rivetos_protocol::{DrainReport, DrainStatus, HealthReport, PROTOCOL_VERSION};
use tokio::task::JoinSet;

use super::dispatch::{Tally, dispatch};
use super::state::{Parts, Phase, State};
use crate::clock::now;
use crate::delivery::deliver_all;

/// How long a drain waits for watchers to take their last frames, after the turns ended.
const LAST_FRAMES_WAIT: Duration = Duration::from_secs(2);

/// The running application. Clones are the same one.
#[derive(Clone)]
pub struct Application {
    pub(super) state: Arc<State>,
}

impl Application {
    /// Starts to work: takes up what an earlier process left open, then what comes in.
    ///
    /// Must be called inside a Tokio runtime.
    pub fn start(parts: Parts) -> Self {
        let (state, arrived) = State::new(parts);
        let state = Arc::new(state);
        let dispatcher = tokio::spawn(dispatch(Arc::clone(&state), arrived));
        let mut couriers = JoinSet::new();
        for channel in &state.parts.channels {
            couriers.spawn(deliver_all(Arc::clone(&state.outbox), Arc::clone(channel)));
        }
        let ended = Arc::clone(&state);
        tokio::spawn(async move {
            // It only fails when it was aborted or panicked, and then nothing runs either.
            let tally = dispatcher.await;
            let tally = tally.unwrap_or_else(|_| Tally::new(DrainStatus::Cut));
            flush(&ended, couriers).await;
            ended.drained.send_replace(Some(tally));
        });
        Self { state }
    }

    /// Tells the application that its listener is up, without which it is not ready.
    pub fn listening(&self) {
        self.state.listening.store(true, Ordering::Release);
    }

    /// What `GET /health` answers.
    pub async fn health(&self) -> HealthReport {
        self.state.health().await
    }

    /// What `GET /metrics` answers: the text format of Prometheus.
    pub async fn metrics(&self) -> String {
        self.state.metrics.text(self.state.gauges().await)
    }

    /// The same as JSON.
    pub async fn metrics_json(&self) -> serde_json::Value {
        self.state.metrics.json(self.state.gauges().await)
    }

    /// Takes no more work, lets every running turn come to the end of its step for at most
    /// `deadline`, and leaves what is open to the next process. Returns when nothing runs any
    /// more. Another drain waits for the same end and may bring the deadline nearer.
    pub async fn drain(&self, deadline: Duration) -> DrainReport {
        tracing::info!(ms = deadline.as_millis(), "draining");
        let until = Instant::now() + deadline;
        self.state.phase.send_modify(|phase| {
            *phase = match *phase {
                Phase::Draining(earlier) => Phase::Draining(earlier.min(until)),
                Phase::Recovering | Phase::Working => Phase::Draining(until),
            }
        });
        let mut drained = self.state.drained.subscribe();
        // The sender lives in the state, so waiting cannot fail.
        let tally = drained.wait_for(Option::is_some).await;
        let tally = tally.ok().and_then(|tally| *tally);
        let tally = tally.unwrap_or_else(|| Tally::new(DrainStatus::Cut));
        // It matters to nobody else, and a drain has to end.
        let _ = tokio::time::timeout(LAST_FRAMES_WAIT, self.state.watchers.gone()).await;
        self.report(tally).await
    }

    async fn report(&self, tally: Tally) -> DrainReport {
        self.state.parts.audit.flush().await;
        if let Some(exporter) = &self.state.exporter {
            exporter.flush().await;
        }
        let store = &self.state.parts.store;
        let (approvals, letters) = tokio::join!(store.approvals(None, now()), store.letters(now()));
        self.state.watch_store(&approvals);
        self.state.watch_store(&letters);
        let count = |approvals: Vec<_>| u64::try_from(approvals.len()).unwrap_or(u64::MAX);
        let report = DrainReport {
            protocol: PROTOCOL_VERSION,
            status: tally.status,
            finished: tally.finished,
            handed_over: tally.handed_over,
            parked: approvals.ok().map(count),
            undelivered: letters.ok().map(|letters| letters.waiting),
        };
        tracing::info!(
            status = report.status.word(),
            finished = report.finished,
            handed_over = report.handed_over,
            parked = report.parked,
            undelivered = report.undelivered,
            "drained"
        );
        report
    }
}

/// Lets the last replies go out until the drain's time is over.
async fn flush(state: &State, mut couriers: JoinSet<()>) {
    state.outbox.close();
    let mut phases = state.phase.subscribe();
    loop {
        let until = match *phases.borrow_and_update() {
            Phase::Draining(until) => until,
            Phase::Recovering | Phase::Working => Instant::now(),
        };
        tokio::select! {
            ended = couriers.join_next() => {
                if ended.is_none() {
                    return;
                }
            }
            // The deadline came nearer. The sender lives in the state.
            _ = phases.changed() => {}
            () = tokio::time::sleep_until(until.into()) => {
                tracing::warn!("the drain's time is over; replies are left for the next start");
                return couriers.shutdown().await;
            }
        }
    }
}
