//! `/approve` and `/deny`, and what else ends a wait.

use rivetos_types::id::SessionId;
use rivetos_types::intake::IntakeError;
use rivetos_types::store::{Approval, Decided, Decision};

use super::failed;
use crate::application::state::State;
use crate::clock::now;

pub(super) async fn decide(
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

pub(super) async fn waiting(
    state: &State,
    session: &SessionId,
) -> Result<Vec<Approval>, IntakeError> {
    let waiting = state.parts.store.approvals(Some(session.clone()), now());
    let waiting = waiting.await;
    state.watch_store(&waiting);
    waiting.map_err(|error| failed(&error))
}

/// Whether this was the decision.
pub(super) async fn settle(
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
    if done {
        state.metrics.decided(decision);
        state.note_decided(approval, decision, from);
    }
    state.places.one_more();
    Ok(done)
}
