//! From turns that ended to the collector.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rivetos_core::redact::Redactor;
use tokio::sync::{mpsc, oneshot};

use super::encode::{Source, encode};
use super::trace::Span;
use super::{Collector, CollectorError};

/// The most turns that wait for the collector.
const QUEUE_TURNS_MAX: usize = 256;

/// As many spans are enough for one request.
const REQUEST_SPANS_ENOUGH: usize = 1024;

/// The longest time that the collector gets for one request.
const SEND_WAIT: Duration = Duration::from_secs(10);

/// How often one request is sent at the most,
const SEND_ATTEMPTS_MAX: u32 = 4;

/// and the pause before the second time; it doubles with each further one.
const SEND_PAUSE: Duration = Duration::from_millis(500);

/// The longest time that [`Exporter::flush`] waits.
const FLUSH_WAIT: Duration = Duration::from_secs(2);

/// The way to the collector. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Exporter(Arc<Shared>);

struct Shared {
    agent: String,
    jobs: mpsc::Sender<Job>,
    lost: Arc<AtomicU64>,
}

enum Job {
    Send(Vec<Span>),
    /// Answered when everything before it was sent or lost.
    Flush(oneshot::Sender<()>),
}

impl Exporter {
    /// Must be called inside a Tokio runtime.
    pub(crate) fn start(
        collector: Arc<dyn Collector>,
        source: Source,
        redactor: Arc<Redactor>,
    ) -> Self {
        let (jobs, queue) = mpsc::channel(QUEUE_TURNS_MAX);
        let lost = Arc::<AtomicU64>::default();
        let shared = Shared {
            agent: source.agent.clone(),
            jobs,
            lost: Arc::clone(&lost),
        };
        let line = Line {
            collector,
            source,
            redactor,
            lost,
            last: Last::Taken,
        };
        tokio::spawn(line.send_all(queue));
        Self(Arc::new(shared))
    }

    pub(super) fn agent(&self) -> &str {
        &self.0.agent
    }

    /// Takes the spans of a turn; never waits.
    pub(super) fn export(&self, spans: Vec<Span>) {
        let count = spans.len();
        if self.0.jobs.try_send(Job::Send(spans)).is_err() {
            self.lose(count);
        }
    }

    pub(super) fn lose(&self, spans: usize) {
        lose(&self.0.lost, spans);
    }

    /// Spans that no collector has.
    pub(crate) fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Returns when everything before was sent or lost, or after 2 s.
    pub(crate) async fn flush(&self) {
        let (done, sent) = oneshot::channel();
        if self.0.jobs.try_send(Job::Flush(done)).is_ok() {
            // Whoever ends does not wait for a collector that hangs.
            let _ = tokio::time::timeout(FLUSH_WAIT, sent).await;
        }
    }
}

fn lose(lost: &AtomicU64, spans: usize) {
    let spans = u64::try_from(spans).unwrap_or(u64::MAX);
    lost.fetch_add(spans, Ordering::Relaxed);
}

/// What sends, in a task of its own.
struct Line {
    collector: Arc<dyn Collector>,
    source: Source,
    redactor: Arc<Redactor>,
    lost: Arc<AtomicU64>,
    last: Last,
}

/// How the last request ended. Only a change is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Taken,
    Failed,
}

impl Line {
    /// Runs until the last handle is gone. What piled up during a request goes with the next one.
    async fn send_all(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(job) = queue.recv().await {
            let (mut spans, mut flushed) = (Vec::new(), Vec::new());
            let mut next = Some(job);
            while let Some(job) = next {
                match job {
                    Job::Send(more) => spans.extend(more),
                    Job::Flush(done) => flushed.push(done),
                }
                let enough = spans.len() >= REQUEST_SPANS_ENOUGH;
                next = if enough { None } else { queue.try_recv().ok() };
            }
            if !spans.is_empty() {
                self.send(&spans).await;
            }
            for done in flushed {
                // Nobody waits any more when the time was over.
                let _ = done.send(());
            }
        }
    }

    async fn send(&mut self, spans: &[Span]) {
        let body = encode(&self.source, &self.redactor, spans);
        let before = self.last;
        match self.attempt(body).await {
            Ok(()) => {
                self.last = Last::Taken;
                if before == Last::Failed {
                    tracing::info!("the collector of traces takes them again");
                }
            }
            Err(error) => {
                self.last = Last::Failed;
                lose(&self.lost, spans.len());
                if before == Last::Taken {
                    tracing::warn!(%error, "the collector of traces does not take them");
                }
            }
        }
    }

    /// Sends a request, and again while that may help.
    async fn attempt(&self, body: Vec<u8>) -> Result<(), CollectorError> {
        let mut pause = SEND_PAUSE;
        let mut attempt = 1;
        loop {
            let sent = tokio::time::timeout(SEND_WAIT, self.collector.take(body.clone())).await;
            let sent = sent.unwrap_or_else(|_| {
                let seconds = SEND_WAIT.as_secs();
                let reason = format!("no answer in {seconds} s");
                Err(CollectorError::Transient(reason))
            });
            match sent {
                Err(CollectorError::Transient(_)) if attempt < SEND_ATTEMPTS_MAX => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }
}
