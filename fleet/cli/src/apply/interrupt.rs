//! Ctrl-C while something is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal;
use tokio::task::JoinHandle;

/// Notes the first Ctrl-C from now on until it is dropped.
pub(crate) struct Interrupt {
    seen: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Interrupt {
    /// Listens from now on: the process no longer ends by itself.
    pub(crate) fn listen() -> Self {
        let seen = Arc::new(AtomicBool::new(false));
        let note = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            if signal::ctrl_c().await.is_ok() {
                note.store(true, Ordering::Relaxed);
            }
        });
        Self { seen, task }
    }

    /// Whether it came.
    pub(crate) fn seen(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.task.abort();
    }
}
