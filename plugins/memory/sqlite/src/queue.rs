//! The inbox and the leases on it.

use rivetos_types::id::TurnId;
use rivetos_types::message::InboundMessage;
use rivetos_types::store::{Acceptance, Checkpoint, Claim, ClaimedTurn, Lease};
use rivetos_types::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::failure::Failure;
use crate::{approval, session};

/// Puts `message` at the end of its session's queue, once.
pub(crate) fn accept(db: &Connection, message: &InboundMessage) -> Result<Acceptance, Failure> {
    let session = session::ensure(db, &message.session)?;
    let Some(seq) = enqueue(db, message, session)? else {
        return Ok(Acceptance::Known);
    };
    db.prepare_cached("UPDATE session SET head = ?2 WHERE id = ?1 AND head IS NULL")?
        .execute([session, seq])?;
    Ok(Acceptance::New)
}

/// The same, and claims the turn when it is the only open one of its session.
pub(crate) fn accept_and_claim(
    db: &Connection,
    message: InboundMessage,
    lease: &Lease,
) -> Result<(Acceptance, Option<ClaimedTurn>), Failure> {
    let session = session::ensure(db, &message.session)?;
    let Some(seq) = enqueue(db, &message, session)? else {
        return Ok((Acceptance::Known, None));
    };
    let token = db
        .prepare_cached(
            "UPDATE session SET head = ?2, token = token + 1, owner = ?3, lease_until = ?4,
                                attempts = 1
             WHERE id = ?1 AND head IS NULL RETURNING token",
        )?
        .query_row(params![session, seq, lease.owner, lease.until.0], |row| {
            row.get(0)
        })
        .optional()?;
    let claimed = token.map(|token| ClaimedTurn {
        claim: Claim {
            turn: message.turn(),
            token,
        },
        message,
        journal: Vec::new(),
        attempt: 1,
        decided: None,
    });
    Ok((Acceptance::New, claimed))
}

/// The row of a message that is new; `None` for a known one.
fn enqueue(
    db: &Connection,
    message: &InboundMessage,
    session: i64,
) -> Result<Option<i64>, Failure> {
    let body = serde_json::to_string(message)?;
    let added = db
        .prepare_cached(
            "INSERT INTO inbox (turn, session, message) VALUES (?1, ?2, ?3)
             ON CONFLICT (turn) DO NOTHING",
        )?
        .execute(params![message.turn().as_str(), session, body])?;
    Ok((added > 0).then(|| db.last_insert_rowid()))
}

/// Takes the oldest head of a session that nobody else holds. One that cannot be read, perhaps
/// because a newer program wrote it, keeps its session waiting until the lease ends, and no other.
pub(crate) fn claim(db: &Connection, lease: &Lease) -> Result<Option<ClaimedTurn>, Failure> {
    while let Some(session) = free_session(db, lease)? {
        match claim_head(db, lease, session) {
            Err(Failure::Row(error)) => {
                tracing::error!(session, %error, "a stored turn cannot be read; its session waits");
            }
            other => return other.map(Some),
        }
    }
    Ok(None)
}

fn free_session(db: &Connection, lease: &Lease) -> Result<Option<i64>, Failure> {
    let free = db
        .prepare_cached(
            "SELECT id FROM session WHERE head IS NOT NULL AND lease_until <= ?1
             ORDER BY head LIMIT 1",
        )?
        .query_row([lease.now.0], |row| row.get(0))
        .optional()?;
    Ok(free)
}

fn claim_head(db: &Connection, lease: &Lease, session: i64) -> Result<ClaimedTurn, Failure> {
    let (token, seq, attempt): (i64, i64, u32) = db
        .prepare_cached(
            "UPDATE session SET token = token + 1, owner = ?2, lease_until = ?3,
                                attempts = attempts + 1
             WHERE id = ?1 RETURNING token, head, attempts",
        )?
        .query_row(params![session, lease.owner, lease.until.0], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let body: String = db
        .prepare_cached("SELECT message FROM inbox WHERE seq = ?1")?
        .query_row([seq], |row| row.get(0))?;
    let message: InboundMessage = serde_json::from_str(&body)?;
    let claim = Claim {
        turn: message.turn(),
        token,
    };
    Ok(ClaimedTurn {
        claim,
        message,
        journal: journal(db, seq)?,
        attempt,
        decided: approval::decided(db, seq)?,
    })
}

fn journal(db: &Connection, seq: i64) -> Result<Vec<Checkpoint>, Failure> {
    let mut rows =
        db.prepare_cached("SELECT kind, body FROM journal WHERE turn = ?1 ORDER BY step")?;
    let mut rows = rows.query([seq])?;
    let mut journal = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        journal.push(Checkpoint {
            kind: serde_json::from_str(&kind)?,
            body: row.get(1)?,
        });
    }
    Ok(journal)
}

/// The rows behind a claim that still counts.
pub(crate) struct Held {
    /// `inbox.seq` of the turn.
    pub(crate) turn: i64,
    /// `session.id` of the turn.
    pub(crate) session: i64,
}

/// Refuses a claim that somebody else took over, or whose turn is finished.
pub(crate) fn hold(db: &Connection, claim: &Claim) -> Result<Held, Failure> {
    db.prepare_cached(
        "SELECT inbox.seq, session.id FROM inbox JOIN session ON session.id = inbox.session
         WHERE inbox.turn = ?1 AND session.head = inbox.seq AND session.token = ?2",
    )?
    .query_row(params![claim.turn.as_str(), claim.token], |row| {
        Ok(Held {
            turn: row.get(0)?,
            session: row.get(1)?,
        })
    })
    .optional()?
    .ok_or_else(|| Failure::Fenced(claim.turn.clone()))
}

/// Moves the end of a lease.
pub(crate) fn renew(db: &Connection, claim: &Claim, until: Timestamp) -> Result<(), Failure> {
    let held = hold(db, claim)?;
    db.prepare_cached("UPDATE session SET lease_until = ?2 WHERE id = ?1")?
        .execute([held.session, until.0])?;
    Ok(())
}

/// Takes a finished turn off the queue and lets go of its session.
pub(crate) fn release(db: &Connection, held: &Held) -> Result<(), Failure> {
    db.prepare_cached("UPDATE inbox SET finished = 1 WHERE seq = ?1")?
        .execute([held.turn])?;
    db.prepare_cached(
        "UPDATE session SET lease_until = 0, attempts = 0, head =
           (SELECT min(seq) FROM inbox WHERE session = ?1 AND finished = 0)
         WHERE id = ?1",
    )?
    .execute([held.session])?;
    Ok(())
}

/// Ends a claim; the turn stays open, and nobody claims it before `until`. Nobody owns it until
/// then, and what the claim still writes is refused.
pub(crate) fn park(db: &Connection, held: &Held, until: Timestamp) -> Result<(), Failure> {
    db.prepare_cached(
        "UPDATE session SET owner = NULL, lease_until = ?2, attempts = 0, token = token + 1
         WHERE id = ?1",
    )?
    .execute([held.session, until.0])?;
    Ok(())
}

/// Lets the session of a parked turn be claimed at once.
pub(crate) fn unpark(db: &Connection, turn: &TurnId) -> Result<(), Failure> {
    db.prepare_cached(
        "UPDATE session SET lease_until = 0 WHERE owner IS NULL AND head =
           (SELECT seq FROM inbox WHERE turn = ?1)",
    )?
    .execute([turn.as_str()])?;
    Ok(())
}
