//! What channels ask for.

use std::sync::Arc;

use futures_util::stream;
use rivetos_core::commands::{Command, Route, route};
use rivetos_types::id::{SessionId, TurnId};
use rivetos_types::intake::{Intake, IntakeError, KeepError, Submitted, TurnEvent};
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
            match route(&message.content, message.authority) {
                Route::Refused(answer) => Ok(Submitted::Command(answer)),
                Route::Forbidden(answer) => {
                    state.note_forbidden(&message);
                    Ok(Submitted::Command(answer))
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
                    .map(Submitted::Command),
                Route::Turn => take(state, message).await,
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

/// In a task of its own: a caller that goes away must not leave it half done.
async fn take(state: Arc<State>, message: InboundMessage) -> Result<Submitted, IntakeError> {
    match tokio::spawn(accept(state, message)).await {
        Ok(result) => result.map(Submitted::Turn),
        Err(error) => Err(IntakeError::Store(error.to_string())),
    }
}

async fn accept(state: Arc<State>, message: InboundMessage) -> Result<TurnId, IntakeError> {
    let turn = message.turn();
    if state.draining() {
        // What is known already can still be followed.
        return match state.parts.store.turn(turn.clone()).await {
            Ok(TurnRecord::Open | TurnRecord::Finished(_)) => Ok(turn),
            Ok(TurnRecord::Unknown) | Err(_) => Err(IntakeError::Draining),
        };
    }
    state.open.reserve(&turn, &message.session)?;
    let (accepted, place) = store(&state, message).await;
    state.watch_store(&accepted);
    match accepted {
        Ok((Acceptance::New, claimed)) => {
            state.open.accepted(&turn);
            begin(&state, claimed, place).await;
            Ok(turn)
        }
        Ok((Acceptance::Known, _)) => {
            give_up_place(&state, place);
            if !matches!(
                state.parts.store.turn(turn.clone()).await,
                Ok(TurnRecord::Open)
            ) {
                state.open.forget_unclaimed(&turn);
            }
            Ok(turn)
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
