//! Who follows which turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rivetos_types::id::TurnId;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::follow::Follower;
use crate::delivery::Board;

/// The most turns that are followed, or were and have messages that nobody took over.
const STREAMS_MAX: usize = 1024;

#[derive(Default)]
pub(crate) struct Streams(Mutex<HashMap<TurnId, Streamed>>);

/// The messages of a turn that is or was followed.
pub(crate) struct Streamed {
    stop: Arc<Notify>,
    follower: JoinHandle<Board>,
}

impl Streamed {
    /// Returns what the chat shows, when nothing touches it any more.
    pub(crate) async fn end(self) -> Board {
        self.stop.notify_one();
        self.follower.await.unwrap_or_default()
    }
}

impl Streams {
    /// Follows a turn, unless somebody does already. A turn that was left and taken up again goes
    /// on with the messages that it has.
    pub(crate) fn start(&self, follower: Follower) {
        let turn = follower.turn.clone();
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if streams.len() >= STREAMS_MAX {
            streams.retain(|_, streamed| !streamed.follower.is_finished());
        }
        let busy = streams
            .get(&turn)
            .is_some_and(|streamed| !streamed.follower.is_finished());
        if busy || streams.len() >= STREAMS_MAX {
            return;
        }
        let earlier = streams.remove(&turn);
        let stop = Arc::new(Notify::new());
        let told = Arc::clone(&stop);
        let follower = tokio::spawn(async move {
            let shown = match earlier {
                Some(earlier) => earlier.end().await,
                None => Board::default(),
            };
            follower.follow(shown, &told).await
        });
        streams.insert(turn, Streamed { stop, follower });
    }

    /// What was shown of a turn that is over.
    pub(crate) fn take(&self, turn: &TurnId) -> Option<Streamed> {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        streams.remove(turn)
    }
}
