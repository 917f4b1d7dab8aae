//! The application as the composition root holds it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rivetos_protocol::HealthReport;
use tokio::task::JoinHandle;

use super::dispatch::dispatch;
use super::state::{Parts, Phase, State, lock};

/// How long a drain waits for watchers to take their last frames, after the turns ended.
const LAST_FRAMES_WAIT: Duration = Duration::from_secs(2);

/// The running application. Clones are the same one.
#[derive(Clone)]
pub struct Application {
    pub(super) state: Arc<State>,
    dispatcher: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Application {
    /// Starts to work: takes up what an earlier process left open, then what comes in.
    ///
    /// Must be called inside a Tokio runtime.
    pub fn start(parts: Parts) -> Self {
        let state = Arc::new(State::new(parts));
        let dispatcher = tokio::spawn(dispatch(Arc::clone(&state)));
        Self {
            state,
            dispatcher: Arc::new(Mutex::new(Some(dispatcher))),
        }
    }

    /// Tells the application that its listener is up, without which it is not ready.
    pub fn listening(&self) {
        self.state.listening.store(true, Ordering::Release);
    }

    /// What `GET /health` answers.
    pub fn health(&self) -> HealthReport {
        self.state.health()
    }

    /// What `GET /metrics` answers.
    pub fn metrics(&self) -> String {
        self.state.metrics.render(self.state.open.len())
    }

    /// Takes no more work, lets running turns end for at most `deadline`, then leaves them for
    /// the next start. Returns when nothing runs any more.
    pub async fn drain(&self, deadline: Duration) {
        self.state
            .phase
            .send_replace(Phase::Draining(Instant::now() + deadline));
        let dispatcher = lock(&self.dispatcher).take();
        if let Some(dispatcher) = dispatcher {
            // It only fails when it was aborted, and then nothing runs either.
            let _ = dispatcher.await;
        }
        let _ = tokio::time::timeout(LAST_FRAMES_WAIT, self.state.watchers.gone()).await;
    }
}
