//! Sessions and what was said in them.

use rivetos_types::id::SessionId;
use rivetos_types::message::Message;
use rivetos_types::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::failure::Failure;
use crate::queue::Held;

/// The row of a session; made when there is none.
pub(crate) fn ensure(db: &Connection, session: &SessionId) -> Result<i64, Failure> {
    let name = session.as_str();
    let known = db
        .prepare_cached("SELECT id FROM session WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    db.prepare_cached("INSERT INTO session (name) VALUES (?1)")?
        .execute([name])?;
    Ok(db.last_insert_rowid())
}

/// Adds what was said in a turn.
pub(crate) fn append(
    db: &Connection,
    held: &Held,
    at: Timestamp,
    messages: &[Message],
) -> Result<(), Failure> {
    let mut insert = db.prepare_cached(
        "INSERT INTO transcript (session, turn, at, message) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for message in messages {
        insert.execute(params![
            held.session,
            held.turn,
            at.0,
            serde_json::to_string(message)?
        ])?;
    }
    Ok(())
}

/// The newest messages since the last reset, oldest first, from a message of the person on. A row
/// that cannot be read ends the look back: what follows it is still a conversation.
pub(crate) fn resume(
    db: &Connection,
    session: &SessionId,
    messages_max: usize,
) -> Result<Vec<Message>, Failure> {
    let mut rows = db.prepare_cached(
        "SELECT transcript.message FROM session
         JOIN transcript ON transcript.session = session.id
                        AND transcript.seq > session.reset_after
         WHERE session.name = ?1 ORDER BY transcript.seq DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(messages_max).unwrap_or(i64::MAX);
    let mut rows = rows.query(params![session.as_str(), limit])?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        let body: String = row.get(0)?;
        match serde_json::from_str::<Message>(&body) {
            Ok(message) => messages.push(message),
            Err(error) => {
                tracing::error!(%session, %error, "the history is cut: a row of it cannot be read");
                break;
            }
        }
    }
    messages.reverse();
    let first = messages
        .iter()
        .position(|message| matches!(message, Message::User { .. }))
        .unwrap_or(messages.len());
    messages.drain(..first);
    Ok(messages)
}

/// Hides what was said so far from [`resume`].
pub(crate) fn reset(db: &Connection, session: &SessionId, at: Timestamp) -> Result<(), Failure> {
    let id = ensure(db, session)?;
    db.prepare_cached(
        "UPDATE session SET reset_at = ?2, reset_after =
           coalesce((SELECT max(seq) FROM transcript WHERE session = ?1), 0)
         WHERE id = ?1",
    )?
    .execute([id, at.0])?;
    Ok(())
}
