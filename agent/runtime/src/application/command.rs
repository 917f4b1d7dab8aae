//! What a person can order the agent itself to do. Commands bypass the session's queue.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rivetos_core::router::{Command, unknown_command};
use rivetos_types::id::SessionId;
use rivetos_types::intake::IntakeError;
use rivetos_types::message::{ContentPart, InboundMessage};
use rivetos_types::store::{Approval, Decided, Decision, StoreError};

use super::open_turns::LiveTurn;
use super::state::State;
use crate::clock::now;

/// How long `/new` waits for the turns that it stopped.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// Does what was ordered; the answer is for the person.
pub(super) async fn command_answer(
    state: &State,
    command: Command,
    message: InboundMessage,
) -> Result<String, IntakeError> {
    let InboundMessage { session, from, .. } = message;
    match command {
        Command::Unknown(word) => Ok(unknown_command(&word)),
        Command::Stop => stop(state, &session, &from).await.map(|turns| {
            let word = if turns.is_empty() {
                "Nothing is running."
            } else {
                "Stopped."
            };
            word.to_owned()
        }),
        Command::New => {
            let turns = stop(state, &session, &from).await?;
            start_afresh(state, session, &turns).await
        }
        Command::Steer(text) => Ok(steer(state, &session, &text).to_owned()),
        Command::Decide(decision, name) => decide(state, &session, &from, (decision, &name)).await,
    }
}

/// Stops everything of the session, parked turns included.
async fn stop(
    state: &State,
    session: &SessionId,
    from: &str,
) -> Result<Vec<Arc<LiveTurn>>, IntakeError> {
    let turns = state.open.of_session(session);
    for turn in &turns {
        turn.stop();
    }
    for approval in waiting(state, session).await? {
        settle(state, &approval, Decision::Stopped, from).await?;
    }
    Ok(turns)
}

async fn start_afresh(
    state: &State,
    session: SessionId,
    turns: &[Arc<LiveTurn>],
) -> Result<String, IntakeError> {
    let over = async {
        for turn in turns {
            turn.feed.over().await;
        }
    };
    // A turn that does not end in time belongs to the conversation before: the store knows that.
    let _ = tokio::time::timeout(STOP_WAIT, over).await;
    let reset = state.parts.store.reset(session.clone(), now()).await;
    state.watch_store(&reset);
    state.sessions.take(&session);
    reset.map_err(|error| failed(&error))?;
    Ok("A new conversation begins.".to_owned())
}

fn steer(state: &State, session: &SessionId, text: &str) -> &'static str {
    if text.is_empty() {
        return "Say what: /steer TEXT";
    }
    match state.open.running(session) {
        None => "Nothing is running. Just say it.",
        Some(turn) if turn.steer(vec![ContentPart::text(text)]) => {
            "It will be read with the next step."
        }
        Some(_) => "Too much is waiting to be read. Try again after the next step.",
    }
}

async fn decide(
    state: &State,
    session: &SessionId,
    from: &str,
    (decision, name): (Decision, &str),
) -> Result<String, IntakeError> {
    let waiting = waiting(state, session).await?;
    let mut named = waiting
        .iter()
        .filter(|approval| approval.call.0.starts_with(name));
    let (Some(approval), None) = (named.next(), named.next()) else {
        return Ok(which(&waiting));
    };
    if !settle(state, approval, decision, from).await? {
        return Ok("Too late: it was decided already, or the time is over.".to_owned());
    }
    let done = match decision {
        Decision::Approved => "It runs",
        Decision::Denied | Decision::Stopped | Decision::Expired => "It does not run",
    };
    let (tool, call) = (&approval.tool, approval.call.short());
    Ok(format!("{done}: `{tool}` ({call})."))
}

/// What can be decided.
fn which(waiting: &[Approval]) -> String {
    if waiting.is_empty() {
        return "No tool call waits for a decision.".to_owned();
    }
    let mut text = "Say which one:".to_owned();
    for approval in waiting {
        let Approval {
            call,
            tool,
            arguments,
            ..
        } = approval;
        text.extend(["\n- ", call.short(), ": ", tool, " ", arguments]);
    }
    text
}

async fn waiting(state: &State, session: &SessionId) -> Result<Vec<Approval>, IntakeError> {
    let waiting = state.parts.store.approvals(Some(session.clone()), now());
    let waiting = waiting.await;
    state.watch_store(&waiting);
    waiting.map_err(|error| failed(&error))
}

/// Whether this was the decision.
async fn settle(
    state: &State,
    approval: &Approval,
    decision: Decision,
    from: &str,
) -> Result<bool, IntakeError> {
    let decided = Decided {
        call: approval.call.clone(),
        decision,
        by: from.to_owned(),
    };
    let turn = approval.turn.clone();
    let done = state.parts.store.decide(turn, decided, now()).await;
    state.watch_store(&done);
    let done = done.map_err(|error| failed(&error))?;
    state.fresh.fetch_add(1, Ordering::AcqRel);
    state.work.notify_one();
    Ok(done)
}

fn failed(error: &StoreError) -> IntakeError {
    IntakeError::Store(error.to_string())
}
