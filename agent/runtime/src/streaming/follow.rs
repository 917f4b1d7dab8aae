//! The calls that show a running turn, one at a time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use rivetos_types::channel::{Address, Channel, Connection};
use rivetos_types::id::TurnId;
use rivetos_types::intake::TurnEvent;
use rivetos_types::{BoxFuture, BoxStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use super::planner::{Planner, Step, Strand};
use crate::delivery::{Board, Move, perform};

/// How often the chat is told that an answer is being written.
const TYPING_EVERY: Duration = Duration::from_secs(4);

/// The longest time for telling so.
const TYPING_TIME_MAX: Duration = Duration::from_secs(2);

/// The longest time without a look at what there is to do.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// One turn and the chat that follows it.
pub(crate) struct Follower {
    pub(crate) channel: Arc<dyn Channel>,
    pub(crate) to: Address,
    pub(crate) turn: TurnId,
    pub(crate) events: BoxStream<'static, TurnEvent>,
    /// Ready when the session's earlier replies are shown.
    pub(crate) after: BoxFuture<'static, ()>,
}

impl Follower {
    /// Returns the messages of the reply once nothing more happens or `stop` says that the courier
    /// wants them, and no call is under way.
    pub(super) async fn follow(mut self, shown: Board, stop: &Notify) -> Board {
        tokio::select! {
            () = stop.notified() => return shown,
            () = &mut self.after => {}
        }
        let mut planner = Planner::new(self.channel.capabilities(), shown, Instant::now());
        let mut typing_at = Instant::now();
        let mut over = false;
        while !over {
            let now = Instant::now();
            if planner.is_busy() && now >= typing_at {
                typing_at = now + TYPING_EVERY;
                // Nothing depends on it.
                let _ = timeout(TYPING_TIME_MAX, self.channel.typing(&self.to)).await;
            }
            let connection = self.channel.connection();
            let wake = match planner.next(now) {
                Step::Call(strand, next) if connection == Connection::Up => {
                    self.call(&mut planner, strand, next).await;
                    now
                }
                Step::WaitUntil(at) => at,
                Step::Call(..) | Step::Wait => now + LOOK_EVERY,
            };
            let wake = if planner.is_busy() {
                wake.min(typing_at)
            } else {
                wake
            };
            tokio::select! {
                biased;
                event = self.events.next() => {
                    over = self.take_in(&mut planner, event);
                }
                () = stop.notified() => over = true,
                () = self.channel.connection_changed(connection) => {}
                () = sleep_until(wake) => {}
            }
        }
        if let Some(next) = planner.last_log() {
            self.call(&mut planner, Strand::Log, next).await;
        }
        planner.into_reply()
    }

    /// Takes in the event and those behind it. Returns whether it was the last.
    fn take_in(&mut self, planner: &mut Planner, first: Option<TurnEvent>) -> bool {
        let mut next = Some(first);
        while let Some(event) = next {
            match event {
                None | Some(TurnEvent::Finished { .. }) => return true,
                Some(event) => planner.on(event),
            }
            next = self.events.next().now_or_never();
        }
        false
    }

    async fn call(&mut self, planner: &mut Planner, strand: Strand, next: Move) {
        let prefix = format!("{}{}", self.turn, strand.infix());
        let board = planner.board(strand);
        let made = perform(self.channel.as_ref(), &self.to, &prefix, board, next).await;
        if let Err(error) = &made {
            tracing::debug!(turn = %self.turn, ?strand, %error, "the stream is behind");
        }
        planner.called(strand, &made, Instant::now());
    }
}
