//! What ends turns, and what is said to running ones.

use std::sync::Arc;
use std::time::Duration;

use rivetos_types::id::SessionId;
use rivetos_types::intake::IntakeError;
use rivetos_types::message::ContentPart;
use rivetos_types::store::Decision;

use super::{decide, failed};
use crate::application::open_turns::LiveTurn;
use crate::application::state::State;
use crate::clock::now;

/// How long `/new` waits for the turns that it stopped.
const STOP_WAIT: Duration = Duration::from_secs(5);

const NOTHING_RUNS: &str = "Nothing is running.";

pub(super) async fn stop_all(
    state: &State,
    session: &SessionId,
    from: &str,
) -> Result<String, IntakeError> {
    let turns = stop(state, session, from).await?;
    Ok(if turns.is_empty() {
        NOTHING_RUNS
    } else {
        "Stopped."
    }
    .to_owned())
}

/// Stops what runs or is parked; what waits goes on.
pub(super) async fn interrupt(
    state: &State,
    session: &SessionId,
    from: &str,
) -> Result<String, IntakeError> {
    let running = state.open.running(session);
    if let Some(turn) = &running {
        turn.stop();
    }
    let parked = decide::waiting(state, session).await?;
    for approval in &parked {
        decide::settle(state, approval, Decision::Stopped, from).await?;
    }
    Ok(if running.is_none() && parked.is_empty() {
        NOTHING_RUNS
    } else {
        "Interrupted."
    }
    .to_owned())
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
    for approval in decide::waiting(state, session).await? {
        decide::settle(state, &approval, Decision::Stopped, from).await?;
    }
    Ok(turns)
}

/// Forgets the conversation. The transcript keeps it.
pub(super) async fn start_afresh(
    state: &State,
    session: SessionId,
    from: &str,
) -> Result<String, IntakeError> {
    let turns = stop(state, &session, from).await?;
    let over = async {
        for turn in &turns {
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

pub(super) fn steer(state: &State, session: &SessionId, content: Vec<ContentPart>) -> &'static str {
    match state.open.running(session) {
        None => "Nothing is running. Just say it.",
        Some(turn) if turn.steer(content) => "It will be read with the next step.",
        Some(_) => "Too much is waiting to be read. Try again after the next step.",
    }
}
