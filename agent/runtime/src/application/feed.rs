//! What the watchers of a turn get to see.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::stream;
use rivetos_types::BoxStream;
use rivetos_types::intake::TurnEvent;
use rivetos_types::message::OutboundMessage;
use rivetos_types::store::{SessionSettings, Visibility};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast};

use super::state::lock;

/// How many events a watcher may be behind before it gets a snapshot instead.
const BEHIND_EVENTS_MAX: usize = 128;

/// How many tool events are kept for the next watcher while there is none.
const UNSEEN_EVENTS_MAX: usize = 64;

/// The events of one turn.
#[derive(Debug)]
pub(crate) struct Feed {
    state: Mutex<FeedState>,
    over: Notify,
}

#[derive(Debug)]
struct FeedState {
    reasoning: Visibility,
    tools: Visibility,
    text: String,
    /// Tool events that happened while nobody watched. The text needs no such memory: a snapshot
    /// has all of it.
    unseen: VecDeque<TurnEvent>,
    finished: Option<OutboundMessage>,
    /// `None` once nothing will follow.
    events: Option<broadcast::Sender<TurnEvent>>,
}

impl Default for Feed {
    fn default() -> Self {
        let (events, _) = broadcast::channel(BEHIND_EVENTS_MAX);
        let state = FeedState {
            reasoning: Visibility::Shown,
            tools: Visibility::Shown,
            text: String::new(),
            unseen: VecDeque::new(),
            finished: None,
            events: Some(events),
        };
        Self {
            state: Mutex::new(state),
            over: Notify::new(),
        }
    }
}

impl FeedState {
    fn hides(&self, event: &TurnEvent) -> bool {
        let visibility = match event {
            TurnEvent::Reasoning { .. } => self.reasoning,
            TurnEvent::ToolStart { .. } | TurnEvent::ToolEnd { .. } => self.tools,
            TurnEvent::Snapshot { .. }
            | TurnEvent::Text { .. }
            | TurnEvent::Asked { .. }
            | TurnEvent::Status { .. }
            | TurnEvent::Finished { .. } => Visibility::Shown,
        };
        visibility == Visibility::Hidden
    }

    fn send(&mut self, event: TurnEvent) {
        let Some(events) = &self.events else { return };
        if self.hides(&event) {
            return;
        }
        let is_tool = matches!(
            event,
            TurnEvent::ToolStart { .. } | TurnEvent::ToolEnd { .. }
        );
        if events.receiver_count() > 0 {
            // It fails only when the last watcher left this instant.
            let _ = events.send(event);
        } else if is_tool {
            if self.unseen.len() == UNSEEN_EVENTS_MAX {
                self.unseen.pop_front();
            }
            self.unseen.push_back(event);
        }
    }
}

impl Feed {
    /// Shows no more than the person wants to see.
    pub(crate) fn limit_to(&self, settings: &SessionSettings) {
        let mut state = lock(&self.state);
        state.reasoning = settings.reasoning;
        state.tools = settings.tools;
    }

    /// Appends to the text. The first piece of an answer is set off from the answers before it.
    pub(crate) fn text(&self, piece: &str, begins_answer: bool) {
        let mut state = lock(&self.state);
        let gap = if begins_answer && !state.text.is_empty() {
            "\n\n"
        } else {
            ""
        };
        state.text.extend([gap, piece]);
        state.send(TurnEvent::Text {
            text: [gap, piece].concat(),
        });
    }

    /// Anything that does not change the text.
    pub(crate) fn event(&self, event: TurnEvent) {
        lock(&self.state).send(event);
    }

    /// Makes the text be `text`.
    pub(crate) fn show(&self, text: &str) {
        let mut state = lock(&self.state);
        let event = match text.strip_prefix(state.text.as_str()) {
            Some("") => return,
            Some(rest) => TurnEvent::Text {
                text: rest.to_owned(),
            },
            None => TurnEvent::Snapshot {
                text: text.to_owned(),
            },
        };
        text.clone_into(&mut state.text);
        state.send(event);
    }

    /// The text until now.
    pub(crate) fn shown(&self) -> String {
        lock(&self.state).text.clone()
    }

    /// The reply is there; nothing follows.
    pub(crate) fn finish(&self, reply: OutboundMessage) {
        self.show(&reply.text);
        let mut state = lock(&self.state);
        state.finished = Some(reply.clone());
        state.send(TurnEvent::Finished { reply });
        state.events = None;
        drop(state);
        self.over.notify_waiters();
    }

    /// This process no longer works on the turn: watchers see the stream end without a reply.
    pub(crate) fn abandon(&self) {
        lock(&self.state).events = None;
        self.over.notify_waiters();
    }

    /// Returns when nothing more will happen.
    pub(crate) async fn over(&self) {
        let notified = self.over.notified();
        if lock(&self.state).events.is_some() {
            notified.await;
        }
    }

    /// A snapshot, the tool events that nobody saw yet, then what happens, then the reply.
    pub(crate) fn watch(
        self: &Arc<Self>,
        watchers: &Arc<Watchers>,
    ) -> BoxStream<'static, TurnEvent> {
        let mut watcher = Watcher {
            feed: Arc::clone(self),
            first: VecDeque::new(),
            events: None,
            over: false,
        };
        // Now, not at the first poll: nothing may be missed in between.
        watcher.catch_up();
        let counted = watchers.enter();
        Box::pin(stream::unfold(
            (watcher, counted),
            |(mut watcher, counted)| async move {
                watcher
                    .next()
                    .await
                    .map(|event| (event, (watcher, counted)))
            },
        ))
    }
}

struct Watcher {
    feed: Arc<Feed>,
    /// What to tell before anything that comes in.
    first: VecDeque<TurnEvent>,
    events: Option<broadcast::Receiver<TurnEvent>>,
    over: bool,
}

impl Watcher {
    async fn next(&mut self) -> Option<TurnEvent> {
        if let Some(first) = self.first.pop_front() {
            return Some(first);
        }
        if self.over {
            return None;
        }
        if let Some(events) = &mut self.events {
            match events.recv().await {
                Ok(event) => {
                    self.over = matches!(event, TurnEvent::Finished { .. });
                    return Some(event);
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => self.events = None,
            }
        }
        self.catch_up();
        self.first.pop_front()
    }

    /// At the start, after falling behind, and at the end of the events.
    fn catch_up(&mut self) {
        let mut state = lock(&self.feed.state);
        let text = state.text.clone();
        let unseen = std::mem::take(&mut state.unseen);
        if let Some(reply) = state.finished.clone() {
            self.over = true;
            self.first.extend(unseen);
            self.first.push_back(TurnEvent::Finished { reply });
        } else if let Some(events) = &state.events {
            self.events = Some(events.subscribe());
            self.first.push_back(TurnEvent::Snapshot { text });
            self.first.extend(unseen);
        }
    }
}

/// What is on its way to or from watchers: streams and settlements. A drain waits for it.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    count: AtomicUsize,
    left: Notify,
}

impl Watchers {
    /// One more, until it is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Watching {
        self.count.fetch_add(1, Ordering::AcqRel);
        Watching(Arc::clone(self))
    }

    /// Returns when nobody watches.
    pub(crate) async fn gone(&self) {
        loop {
            let left = self.left.notified();
            if self.count.load(Ordering::Acquire) == 0 {
                return;
            }
            left.await;
        }
    }
}

pub(crate) struct Watching(Arc<Watchers>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.left.notify_waiters();
    }
}
