//! What a turn writes, and its reply.

use rivetos_types::id::TurnId;
use rivetos_types::message::OutboundMessage;
use rivetos_types::store::{Checkpoint, Claim, Commit, Reply, Swept, Then, TurnRecord};
use rivetos_types::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::failure::Failure;
use crate::{approval, ledger, queue, session};

/// Stores one step of a claimed turn; the step with the reply is its last.
pub(crate) fn commit(db: &Connection, claim: &Claim, commit: &Commit) -> Result<(), Failure> {
    let held = queue::hold(db, claim)?;
    journal(db, held.turn, &commit.journal)?;
    if let Some(compaction) = &commit.compaction {
        session::compact(db, &held, compaction)?;
    }
    session::append(db, &held, commit.at, &commit.transcript)?;
    ledger::append(db, &held, commit.at, &commit.ledger)?;
    match &commit.then {
        Then::GoOn => Ok(()),
        Then::Park(approval) => {
            approval::ask(db, &held, approval)?;
            queue::park(db, &held, approval.expires_at)
        }
        Then::HandOver => queue::park(db, &held, Timestamp(0)),
        Then::Finish(reply) => {
            post(db, held.turn, reply)?;
            reply.tells.iter().try_for_each(|told| settle(db, told))?;
            queue::release(db, &held)
        }
    }
}

fn journal(db: &Connection, turn: i64, checkpoints: &[Checkpoint]) -> Result<(), Failure> {
    let mut insert = db.prepare_cached(
        "INSERT INTO journal (turn, step, kind, body) VALUES (?1,
           (SELECT coalesce(max(step), 0) + 1 FROM journal WHERE turn = ?1), ?2, ?3)",
    )?;
    for checkpoint in checkpoints {
        let kind = serde_json::to_string(&checkpoint.kind)?;
        insert.execute(params![turn, kind, checkpoint.body])?;
    }
    Ok(())
}

fn post(db: &Connection, turn: i64, reply: &Reply) -> Result<(), Failure> {
    let body = serde_json::to_string(&reply.message)?;
    let channel = reply.message.channel.as_str();
    db.prepare_cached(
        "INSERT INTO outbox (turn, reply, expires_at, channel) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![turn, body, reply.expires_at.0, channel])?;
    Ok(())
}

/// Marks a reply as delivered.
pub(crate) fn settle(db: &Connection, turn: &TurnId) -> Result<(), Failure> {
    db.prepare_cached(
        "UPDATE outbox SET settled = 1
         WHERE turn = (SELECT seq FROM inbox WHERE turn = ?1) AND settled = 0",
    )?
    .execute([turn.as_str()])?;
    Ok(())
}

/// Looks a turn up.
pub(crate) fn record(db: &Connection, turn: &TurnId) -> Result<TurnRecord, Failure> {
    let found: Option<(bool, Option<String>)> = db
        .prepare_cached(
            "SELECT inbox.finished, outbox.reply FROM inbox
             LEFT JOIN outbox ON outbox.turn = inbox.seq WHERE inbox.turn = ?1",
        )?
        .query_row([turn.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match found {
        None | Some((true, None)) => TurnRecord::Unknown,
        Some((false, _)) => TurnRecord::Open,
        Some((true, Some(reply))) => {
            TurnRecord::Finished(serde_json::from_str::<OutboundMessage>(&reply)?)
        }
    })
}

/// Drops expired replies, and the journals and approvals of finished turns; counts the replies
/// nobody fetched.
pub(crate) fn sweep(db: &Connection, now: Timestamp) -> Result<Swept, Failure> {
    let lost: i64 = db
        .prepare_cached("SELECT count(*) FROM outbox WHERE expires_at <= ?1 AND settled = 0")?
        .query_row([now.0], |row| row.get(0))?;
    db.prepare_cached("DELETE FROM outbox WHERE expires_at <= ?1")?
        .execute([now.0])?;
    db.prepare_cached(
        "DELETE FROM journal WHERE turn IN
           (SELECT seq FROM inbox WHERE finished = 1 AND seq IN (SELECT turn FROM journal))",
    )?
    .execute([])?;
    approval::sweep(db)?;
    Ok(Swept {
        undelivered: u64::try_from(lost).unwrap_or(0),
    })
}
