//! Ctrl-C while something is under way.

use std::future::pending;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Notes the first and the second Ctrl-C from now on until it is dropped.
pub(crate) struct Interrupt {
    first: watch::Receiver<bool>,
    second: watch::Receiver<bool>,
    alarm: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Interrupt {
    /// Listens from now on: the process no longer ends by itself.
    pub(crate) fn listen() -> Self {
        let (once, first) = watch::channel(false);
        let (twice, second) = watch::channel(false);
        let alarm = Arc::new(Notify::new());
        let rings = Arc::clone(&alarm);
        let signals = signal(SignalKind::interrupt());
        let task = tokio::spawn(async move {
            if let Ok(mut signals) = signals {
                for noted in [&once, &twice] {
                    signals.recv().await;
                    noted.send_replace(true);
                    rings.notify_one();
                }
            }
            // Dropping the senders would look like an end to whoever waits.
            pending::<()>().await;
        });
        Self {
            first,
            second,
            alarm,
            task,
        }
    }

    /// Whether the first Ctrl-C came.
    pub(crate) fn is_seen(&self) -> bool {
        *self.first.borrow()
    }

    /// Rings at each Ctrl-C.
    pub(crate) fn alarm(&self) -> &Notify {
        &self.alarm
    }

    /// Waits for the first Ctrl-C.
    pub(crate) async fn once(&self) {
        noted(self.first.clone()).await;
    }

    /// Waits for the second Ctrl-C.
    pub(crate) async fn twice(&self) {
        noted(self.second.clone()).await;
    }
}

async fn noted(mut seen: watch::Receiver<bool>) {
    if seen.wait_for(|seen| *seen).await.is_err() {
        pending::<()>().await;
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.task.abort();
    }
}
