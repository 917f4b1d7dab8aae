//! Sessions and what was said in them.

use rivetos_types::id::SessionId;
use rivetos_types::message::Message;
use rivetos_types::store::{Compaction, Resumed, SessionSettings};
use rivetos_types::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

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

/// The row of a session that [`resume`] begins with.
struct Kept {
    id: i64,
    reset_turn: i64,
    summary: Option<String>,
    summary_upto: i64,
    settings: Option<String>,
}

impl Kept {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            reset_turn: row.get(1)?,
            summary: row.get(2)?,
            summary_upto: row.get(3)?,
            settings: row.get(4)?,
        })
    }
}

/// What a session goes on with.
pub(crate) fn resume(
    db: &Connection,
    session: &SessionId,
    messages_max: usize,
) -> Result<Resumed, Failure> {
    let kept = db
        .prepare_cached(
            "SELECT id, reset_turn, summary, summary_upto, settings FROM session WHERE name = ?1",
        )?
        .query_row([session.as_str()], Kept::read)
        .optional()?;
    let Some(kept) = kept else {
        return Ok(Resumed::default());
    };
    let read = kept.settings.as_deref().map(serde_json::from_str);
    let settings = match read.transpose() {
        Ok(settings) => settings.unwrap_or_default(),
        Err(error) => {
            tracing::error!(%session, %error, "the settings of a session cannot be read");
            SessionSettings::default()
        }
    };
    Ok(Resumed {
        messages: messages(db, &kept, messages_max)?,
        summary: kept.summary,
        settings,
    })
}

/// The newest messages, oldest first, from a message of the person on. A row that cannot be read
/// ends the look back: what follows it is still a conversation.
fn messages(db: &Connection, kept: &Kept, messages_max: usize) -> Result<Vec<Message>, Failure> {
    let mut rows = db.prepare_cached(
        "SELECT message FROM transcript
         WHERE session = ?1 AND turn > ?2 AND seq > ?3 ORDER BY seq DESC LIMIT ?4",
    )?;
    let limit = i64::try_from(messages_max).unwrap_or(i64::MAX);
    let mut rows = rows.query([kept.id, kept.reset_turn, kept.summary_upto, limit])?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        let body: String = row.get(0)?;
        match serde_json::from_str::<Message>(&body) {
            Ok(message) => messages.push(message),
            Err(error) => {
                let session = kept.id;
                tracing::error!(session, %error, "the history is cut: a row of it cannot be read");
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

/// Hides the turns that were accepted so far from [`resume`], and what was compacted of them.
pub(crate) fn reset(db: &Connection, session: &SessionId, at: Timestamp) -> Result<(), Failure> {
    let id = ensure(db, session)?;
    // `reset_after` is what the first version of this store reads.
    db.prepare_cached(
        "UPDATE session SET reset_at = ?2, summary = NULL, summary_upto = 0,
           reset_turn = coalesce((SELECT max(seq) FROM inbox WHERE session = ?1), 0),
           reset_after = coalesce((SELECT max(seq) FROM transcript WHERE session = ?1), 0)
         WHERE id = ?1",
    )?
    .execute([id, at.0])?;
    Ok(())
}

/// Keeps what a person set.
pub(crate) fn configure(
    db: &Connection,
    session: &SessionId,
    settings: &SessionSettings,
) -> Result<(), Failure> {
    let id = ensure(db, session)?;
    let settings = serde_json::to_string(settings)?;
    db.prepare_cached("UPDATE session SET settings = ?2 WHERE id = ?1")?
        .execute(params![id, settings])?;
    Ok(())
}

/// Puts a summary in the place of all but the newest messages. A turn from before the last reset
/// has nothing to compact.
pub(crate) fn compact(
    db: &Connection,
    held: &Held,
    compaction: &Compaction,
) -> Result<(), Failure> {
    let kept = i64::try_from(compaction.kept_messages).unwrap_or(i64::MAX);
    db.prepare_cached(
        "UPDATE session SET summary = ?3, summary_upto = coalesce((
           SELECT seq FROM transcript
           WHERE session = ?1 AND turn > reset_turn ORDER BY seq DESC LIMIT 1 OFFSET ?4), 0)
         WHERE id = ?1 AND reset_turn < ?2",
    )?
    .execute(params![held.session, held.turn, compaction.summary, kept])?;
    Ok(())
}
