//! Calls that wait for a person's word.

use rivetos_types::id::{SessionId, TurnId};
use rivetos_types::store::{Approval, Decided};
use rivetos_types::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::failure::Failure;
use crate::queue::{self, Held};

/// Puts the question. The same question may be put again, after a crash; what was decided counts.
/// A turn waits for one call at a time: an earlier question is over, whatever the clock says.
pub(crate) fn ask(db: &Connection, held: &Held, approval: &Approval) -> Result<(), Failure> {
    let body = serde_json::to_string(approval)?;
    db.prepare_cached("DELETE FROM approval WHERE turn = ?1 AND call <> ?2")?
        .execute(params![held.turn, approval.call.0])?;
    db.prepare_cached(
        "INSERT INTO approval (turn, call, approval, expires_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        held.turn,
        approval.call.0,
        body,
        approval.expires_at.0
    ])?;
    Ok(())
}

/// What waits for a decision, oldest first. A question that cannot be read expires.
pub(crate) fn waiting(
    db: &Connection,
    session: Option<&SessionId>,
    now: Timestamp,
) -> Result<Vec<Approval>, Failure> {
    let mut rows = db.prepare_cached(
        "SELECT approval FROM approval WHERE decided IS NULL AND expires_at > ?1 ORDER BY turn",
    )?;
    let mut rows = rows.query([now.0])?;
    let mut approvals = Vec::new();
    while let Some(row) = rows.next()? {
        let body: String = row.get(0)?;
        let approval: Approval = match serde_json::from_str(&body) {
            Ok(approval) => approval,
            Err(error) => {
                tracing::error!(%error, "a stored question cannot be read");
                continue;
            }
        };
        if session.is_none_or(|session| approval.session == *session) {
            approvals.push(approval);
        }
    }
    Ok(approvals)
}

/// Whether this was the decision: the call waited for one.
pub(crate) fn decide(
    db: &Connection,
    turn: &TurnId,
    decided: &Decided,
    now: Timestamp,
) -> Result<bool, Failure> {
    let body = serde_json::to_string(decided)?;
    let changed = db
        .prepare_cached(
            "UPDATE approval SET decided = ?3
             WHERE turn = (SELECT seq FROM inbox WHERE turn = ?1 AND finished = 0)
               AND call = ?2 AND decided IS NULL AND expires_at > ?4",
        )?
        .execute(params![turn.as_str(), decided.call.0, body, now.0])?;
    if changed == 0 {
        return Ok(false);
    }
    queue::unpark(db, turn)?;
    Ok(true)
}

/// The decision about the call that a turn was parked for last.
pub(crate) fn decided(db: &Connection, turn: i64) -> Result<Option<Decided>, Failure> {
    let body: Option<Option<String>> = db
        .prepare_cached("SELECT decided FROM approval WHERE turn = ?1")?
        .query_row([turn], |row| row.get(0))
        .optional()?;
    Ok(match body.flatten() {
        Some(body) => Some(serde_json::from_str(&body)?),
        None => None,
    })
}

/// Drops the questions of finished turns.
pub(crate) fn sweep(db: &Connection) -> Result<(), Failure> {
    db.prepare_cached(
        "DELETE FROM approval WHERE turn IN
           (SELECT seq FROM inbox WHERE finished = 1 AND seq IN (SELECT turn FROM approval))",
    )?
    .execute([])?;
    Ok(())
}
