//! What the watchers of a turn get to see.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::stream;
use rivetos_types::BoxStream;
use rivetos_types::intake::TurnEvent;
use rivetos_types::message::OutboundMessage;
use rivetos_types::store::{SessionSettings, Visibility};
use tokio::sync::Notify;

use super::state::lock;

/// How many events a watcher may be behind before it gets a snapshot instead.
const BEHIND_EVENTS_MAX: usize = 128;

/// How many tool events are kept for the next watcher while there is none.
const UNSEEN_EVENTS_MAX: usize = 64;

/// The events of one turn.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    state: Mutex<FeedState>,
    /// There are more events, or there will be none.
    more: Notify,
}

#[derive(Debug, Default)]
struct FeedState {
    reasoning: Visibility,
    tools: Visibility,
    text: String,
    watchers: usize,
    /// The newest events, for those who watch.
    events: VecDeque<TurnEvent>,
    /// Events that were in `events` and made room for newer ones.
    gone: u64,
    /// Tool events that happened while nobody watched. The text needs no such memory: a snapshot
    /// has all of it.
    unseen: VecDeque<TurnEvent>,
    finished: Option<OutboundMessage>,
    /// Nothing will follow.
    over: bool,
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
        if self.over || self.hides(&event) {
            return;
        }
        let is_tool = matches!(
            event,
            TurnEvent::ToolStart { .. } | TurnEvent::ToolEnd { .. }
        );
        if self.watchers > 0 {
            if self.events.len() == BEHIND_EVENTS_MAX {
                self.events.pop_front();
                self.gone += 1;
            }
            self.events.push_back(event);
        } else if is_tool {
            if self.unseen.len() == UNSEEN_EVENTS_MAX {
                self.unseen.pop_front();
            }
            self.unseen.push_back(event);
        }
    }

    /// The number of the next event.
    fn next(&self) -> u64 {
        self.gone + self.events.len() as u64
    }

    /// The event of this number; `None` when it is gone or did not happen yet.
    fn event(&self, number: u64) -> Option<&TurnEvent> {
        let index = number.checked_sub(self.gone)?;
        self.events.get(usize::try_from(index).ok()?)
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
        drop(state);
        self.more.notify_waiters();
    }

    /// Anything that does not change the text.
    pub(crate) fn event(&self, event: TurnEvent) {
        lock(&self.state).send(event);
        self.more.notify_waiters();
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
        drop(state);
        self.more.notify_waiters();
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
        state.over = true;
        drop(state);
        self.more.notify_waiters();
    }

    /// This process no longer works on the turn: watchers see the stream end without a reply.
    pub(crate) fn abandon(&self) {
        lock(&self.state).over = true;
        self.more.notify_waiters();
    }

    /// Returns when nothing more will happen.
    pub(crate) async fn over(&self) {
        loop {
            let more = self.more.notified();
            if lock(&self.state).over {
                return;
            }
            more.await;
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
            next: 0,
            over: false,
        };
        lock(&self.state).watchers += 1;
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
    /// The number of the next event.
    next: u64,
    over: bool,
}

/// What a watcher finds.
enum Found {
    Event(TurnEvent),
    Nothing,
    /// It is too far behind, or nothing will follow.
    NoEvents,
}

impl Watcher {
    async fn next(&mut self) -> Option<TurnEvent> {
        loop {
            if let Some(first) = self.first.pop_front() {
                return Some(first);
            }
            if self.over {
                return None;
            }
            let feed = Arc::clone(&self.feed);
            let more = feed.more.notified();
            match self.look() {
                Found::Event(event) => return Some(event),
                Found::Nothing => more.await,
                Found::NoEvents => self.catch_up(),
            }
        }
    }

    fn look(&mut self) -> Found {
        let state = lock(&self.feed.state);
        match state.event(self.next) {
            Some(event) => {
                self.next += 1;
                self.over = matches!(event, TurnEvent::Finished { .. });
                Found::Event(event.clone())
            }
            None if state.over || self.next < state.gone => Found::NoEvents,
            None => Found::Nothing,
        }
    }

    /// At the start, after falling behind, and at the end of the events.
    fn catch_up(&mut self) {
        let mut state = lock(&self.feed.state);
        let unseen = std::mem::take(&mut state.unseen);
        if let Some(reply) = state.finished.clone() {
            self.first.extend(unseen);
            self.first.push_back(TurnEvent::Finished { reply });
        } else if !state.over {
            let text = state.text.clone();
            self.first.push_back(TurnEvent::Snapshot { text });
            self.first.extend(unseen);
        }
        self.over = state.over;
        self.next = state.next();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut state = lock(&self.feed.state);
        state.watchers -= 1;
        if state.watchers == 0 {
            state.gone = state.next();
            state.events.clear();
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

#[cfg(test)]
mod tests;
