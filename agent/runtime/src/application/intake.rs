//! What channels ask for.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use futures_util::stream;
use rivetos_core::commands::{Command, Route, route};
use rivetos_types::id::{SessionId, TurnId};
use rivetos_types::intake::{Followed, Intake, IntakeError, KeepError, Submitted, TurnEvent};
use rivetos_types::media::{Attachment, SentFile};
use rivetos_types::message::{ContentPart, InboundMessage, OutboundMessage};
use rivetos_types::store::{Acceptance, ClaimedTurn, StoreError, TurnRecord};
use rivetos_types::{BoxFuture, BoxStream};
use tokio::task::spawn_blocking;

use super::command::command_answer;
use super::dispatch::give_back;
use super::handle::Application;
use super::places::{Arrived, Place};
use super::state::State;

impl Intake for Application {
    fn keep(
        &self,
        session: SessionId,
        files: Vec<SentFile>,
    ) -> BoxFuture<'_, Result<Vec<Attachment>, KeepError>> {
        let media = Arc::clone(&self.state.media);
        Box::pin(async move {
            if files.is_empty() {
                return Ok(Vec::new());
            }
            let keep = spawn_blocking(move || media.keep(&session, &files));
            let kept = keep.await;
            kept.unwrap_or_else(|error| Err(KeepError::Store(error.to_string())))
        })
    }

    fn submit(&self, message: InboundMessage) -> BoxFuture<'_, Result<Submitted, IntakeError>> {
        let state = Arc::clone(&self.state);
        Box::pin(async move {
            Ok(match submit(state, message).await? {
                Followed::Turn(turn, _) => Submitted::Turn(turn),
                Followed::Command(answer) => Submitted::Command(answer),
            })
        })
    }

    fn follow(&self, message: InboundMessage) -> BoxFuture<'_, Result<Followed, IntakeError>> {
        Box::pin(async move {
            match submit(Arc::clone(&self.state), message).await? {
                Followed::Turn(turn, None) => {
                    let events = self.attach(turn.clone()).await;
                    Ok(Followed::Turn(turn, events))
                }
                followed @ (Followed::Turn(_, Some(_)) | Followed::Command(_)) => Ok(followed),
            }
        })
    }

    fn attach(&self, turn: TurnId) -> BoxFuture<'_, Option<BoxStream<'static, TurnEvent>>> {
        let state = Arc::clone(&self.state);
        Box::pin(async move {
            if let Some(live) = state.open.known(&turn) {
                return Some(live.feed.watch(&state.watchers));
            }
            // Open first, ask then: a turn that ends in between is found either here or there.
            let live = state.open.open(&turn);
            match state.parts.store.turn(turn.clone()).await {
                Ok(TurnRecord::Open) => Some(live.feed.watch(&state.watchers)),
                Ok(TurnRecord::Finished(reply)) => {
                    state.open.forget_unclaimed(&turn);
                    Some(finished(reply))
                }
                Ok(TurnRecord::Unknown) => {
                    state.open.forget_unclaimed(&turn);
                    None
                }
                Err(error) => {
                    state.watch_store::<()>(&Err(error));
                    state.open.forget_unclaimed(&turn);
                    // Not "expired": nobody knows, and the same id may be sent again.
                    Some(Box::pin(stream::empty()))
                }
            }
        })
    }

    fn file(&self, turn: TurnId, index: usize) -> BoxFuture<'_, Option<(Attachment, Vec<u8>)>> {
        let state = Arc::clone(&self.state);
        Box::pin(async move {
            let found = state.parts.store.turn(turn).await;
            state.watch_store(&found);
            let Ok(TurnRecord::Finished(mut reply)) = found else {
                return None;
            };
            (index < reply.files.len()).then_some(())?;
            let file = reply.files.swap_remove(index);
            let media = Arc::clone(&state.media);
            let read = spawn_blocking(move || media.read(&file).map(|content| (file, content)));
            match read.await.unwrap_or_else(|error| Err(error.into())) {
                Ok(file) => Some(file),
                Err(error) => {
                    tracing::warn!(%error, "a file of a reply is gone");
                    None
                }
            }
        })
    }

    fn settle(&self, turn: TurnId) -> BoxFuture<'_, ()> {
        let state = Arc::clone(&self.state);
        let counted = state.watchers.enter();
        // Not in the way of the reply's last byte; a drain waits for it.
        tokio::spawn(async move {
            let settled = state.parts.store.settle_soon(turn).await;
            state.watch_store(&settled);
            drop(counted);
        });
        Box::pin(std::future::ready(()))
    }
}

/// What follows the word of a command, and the files that came with it.
pub(super) fn with_attachments(text: String, content: &[ContentPart]) -> Vec<ContentPart> {
    let files = content.iter();
    let files = files.filter(|part| part.attachment().is_some()).cloned();
    std::iter::once(ContentPart::text(text))
        .chain(files)
        .collect()
}

fn finished(reply: OutboundMessage) -> BoxStream<'static, TurnEvent> {
    let snapshot = TurnEvent::Snapshot {
        text: reply.text.clone(),
    };
    Box::pin(stream::iter([snapshot, TurnEvent::Finished { reply }]))
}

async fn submit(state: Arc<State>, message: InboundMessage) -> Result<Followed, IntakeError> {
    match route(&message.content, message.authority) {
        Route::Refused(answer) => Ok(Followed::Command(answer)),
        Route::Forbidden(answer) => {
            state.note_forbidden(&message);
            Ok(Followed::Command(answer))
        }
        // What follows the word becomes a turn of its own.
        Route::Command(Command::Interrupt(text)) if !text.is_empty() => {
            let order = Command::Interrupt(String::new());
            command_answer(&state, order, message.clone()).await?;
            let content = with_attachments(text, &message.content);
            let message = InboundMessage { content, ..message };
            take(state, message).await
        }
        Route::Command(command) => command_answer(&state, command, message)
            .await
            .map(Followed::Command),
        Route::Turn => take(state, message).await,
    }
}

/// A caller that goes away must not leave it half done: what is not done at once goes on in a task
/// of its own.
async fn take(state: Arc<State>, message: InboundMessage) -> Result<Followed, IntakeError> {
    let mut accepting = Box::pin(accept(Arc::clone(&state), message));
    let begun = poll_fn(|context| Poll::Ready(accepting.as_mut().poll(context))).await;
    let (taken, followed) = match begun {
        Poll::Ready(accepted) => accepted?,
        Poll::Pending => match tokio::spawn(accepting).await {
            Ok(accepted) => accepted?,
            Err(error) => return Err(IntakeError::Store(error.to_string())),
        },
    };
    if taken == Taken::Written {
        on_disk(&state).await?;
    }
    Ok(followed)
}

/// How safe a message is that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It does not survive loss of power yet.
    Written,
    OnDisk,
}

/// The events are those of a turn that is new: once it runs, it may end before anybody asks.
async fn accept(
    state: Arc<State>,
    message: InboundMessage,
) -> Result<(Taken, Followed), IntakeError> {
    let turn = message.turn();
    if state.draining() {
        // What is known already can still be followed.
        return match state.parts.store.turn(turn.clone()).await {
            Ok(TurnRecord::Open | TurnRecord::Finished(_)) => {
                Ok((Taken::OnDisk, Followed::Turn(turn, None)))
            }
            Ok(TurnRecord::Unknown) | Err(_) => Err(IntakeError::Draining),
        };
    }
    state.open.reserve(&turn, &message.session)?;
    let (accepted, place) = store(&state, message).await;
    let taken = match place {
        Some(_) => Taken::Written,
        None => Taken::OnDisk,
    };
    state.watch_store(&accepted);
    match accepted {
        Ok((Acceptance::New, claimed)) => {
            state.open.accepted(&turn);
            let live = state.open.known(&turn);
            let events = live.map(|live| live.feed.watch(&state.watchers));
            begin(&state, claimed, place).await;
            Ok((taken, Followed::Turn(turn, events)))
        }
        Ok((Acceptance::Known, _)) => {
            give_up_place(&state, place);
            if !matches!(
                state.parts.store.turn(turn.clone()).await,
                Ok(TurnRecord::Open)
            ) {
                state.open.forget_unclaimed(&turn);
            }
            Ok((taken, Followed::Turn(turn, None)))
        }
        Err(error) => {
            give_up_place(&state, place);
            state.open.forget_unclaimed(&turn);
            Err(IntakeError::Store(error.to_string()))
        }
    }
}

type Stored = Result<(Acceptance, Option<ClaimedTurn>), StoreError>;

/// Claims the turn with the same write when nothing is before it.
async fn store(state: &State, message: InboundMessage) -> (Stored, Option<Place>) {
    let store = &state.parts.store;
    let place = (state.open.claimable() == 0)
        .then(|| state.places.take_at_once())
        .flatten();
    let stored = match place {
        Some(_) => store.accept_and_claim(message, state.lease()).await,
        None => store.accept(message).await.map(|accepted| (accepted, None)),
    };
    (stored, place)
}

/// The turn may be at work meanwhile: what it does to the world, it writes before, and everything
/// that was written before that reaches the disk with it.
async fn on_disk(state: &State) -> Result<(), IntakeError> {
    let synced = state.parts.store.sync().await;
    state.watch_store(&synced);
    synced.map_err(|error| IntakeError::Store(error.to_string()))
}

async fn begin(state: &State, claimed: Option<ClaimedTurn>, place: Option<Place>) {
    // A place without a claim is free again before anybody is told to look for one.
    let Some((turn, place)) = claimed.zip(place) else {
        return state.places.one_more();
    };
    if let Err(claim) = state.places.arrive(Arrived { turn, place }) {
        // The drain is over already; who claims it next need not wait for the end of the lease.
        let _ = give_back(state, claim).await;
    }
}

/// Somebody may have looked for a place meanwhile.
fn give_up_place(state: &State, place: Option<Place>) {
    if let Some(place) = place {
        drop(place);
        state.places.one_more();
    }
}
