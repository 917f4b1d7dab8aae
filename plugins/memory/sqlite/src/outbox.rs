//! Replies on their way out.

use rivetos_types::id::{ChannelId, TurnId};
use rivetos_types::message::OutboundMessage;
use rivetos_types::store::Letters;
use rivetos_types::time::Timestamp;
use rusqlite::{Connection, params};

use crate::failure::Failure;

/// The oldest replies of `channel` that wait for their delivery. One that cannot be read holds up no
/// other.
pub(crate) fn waiting(
    db: &Connection,
    channel: &ChannelId,
    now: Timestamp,
    replies_max: usize,
) -> Result<Vec<OutboundMessage>, Failure> {
    let limit = i64::try_from(replies_max).unwrap_or(i64::MAX);
    let mut rows = db.prepare_cached(
        "SELECT reply FROM outbox
         WHERE settled = 0 AND dead IS NULL AND channel = ?1 AND expires_at > ?2
         ORDER BY turn LIMIT ?3",
    )?;
    let mut rows = rows.query(params![channel.as_str(), now.0, limit])?;
    let mut replies = Vec::new();
    while let Some(row) = rows.next()? {
        let reply: String = row.get(0)?;
        match serde_json::from_str(&reply) {
            Ok(reply) => replies.push(reply),
            Err(error) => tracing::error!(%channel, %error, "a stored reply cannot be read"),
        }
    }
    Ok(replies)
}

/// Marks a reply as one that can never be delivered.
pub(crate) fn give_up(db: &Connection, turn: &TurnId, reason: &str) -> Result<(), Failure> {
    db.prepare_cached(
        "UPDATE outbox SET dead = ?2
         WHERE turn = (SELECT seq FROM inbox WHERE turn = ?1) AND settled = 0",
    )?
    .execute([turn.as_str(), reason])?;
    Ok(())
}

/// Counts what was not delivered.
pub(crate) fn letters(db: &Connection, now: Timestamp) -> Result<Letters, Failure> {
    let (all, dead): (i64, i64) = db
        .prepare_cached(
            "SELECT count(*), count(dead) FROM outbox WHERE settled = 0 AND expires_at > ?1",
        )?
        .query_row([now.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Letters {
        waiting: u64::try_from(all - dead).unwrap_or(0),
        dead: u64::try_from(dead).unwrap_or(0),
    })
}
