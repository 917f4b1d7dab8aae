//! The sessions that were used lately, so that a turn need not read its history from the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use rivetos_core::turn::{check_conversation, cut_history};
use rivetos_types::id::SessionId;
use rivetos_types::message::Message;
use rivetos_types::store::{SessionSettings, StoreError};

use super::prompt::read_prompt;
use super::state::{State, lock};

/// The most sessions that are kept.
const SESSIONS_MAX: usize = 72;

/// The most that their histories take together, in bytes.
const HISTORIES_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The most messages that are read back from the store.
const HISTORY_MESSAGES_MAX: usize = 512;

/// What the turns of a session have in common.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// The system prompt, as it was when the session was loaded.
    pub(crate) system: Arc<str>,
    /// What stands for the earliest turns.
    pub(crate) summary: Option<Arc<str>>,
    /// The turns since, whole.
    pub(crate) history: Arc<Vec<Message>>,
    /// What it takes.
    pub(crate) history_bytes: usize,
    /// What the person set.
    pub(crate) settings: SessionSettings,
    /// Of the claim that used it last.
    token: i64,
}

#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    sessions: HashMap<SessionId, (u64, Session)>,
    uses: u64,
    /// Of the histories.
    bytes: usize,
    /// The system prompt that was read last: sessions without pinned files have the same.
    system: Option<Arc<str>>,
}

impl Sessions {
    /// The prompt, in memory once.
    fn share(&self, system: String) -> Arc<str> {
        let mut kept = lock(&self.0);
        match &kept.system {
            Some(known) if **known == *system => Arc::clone(known),
            Some(_) | None => {
                let system = Arc::<str>::from(system);
                kept.system = Some(Arc::clone(&system));
                system
            }
        }
    }

    /// Takes a session out; whoever has it puts it back before the turn's commit.
    pub(crate) fn take(&self, id: &SessionId) -> Option<Session> {
        lock(&self.0).remove(id)
    }

    /// Keeps a session, and drops those that were unused for longest when there are too many.
    pub(crate) fn put(&self, id: SessionId, session: Session) {
        let mut kept = lock(&self.0);
        kept.uses += 1;
        let uses = kept.uses;
        kept.remove(&id);
        kept.bytes += session.history_bytes;
        kept.sessions.insert(id, (uses, session));
        while kept.sessions.len() > SESSIONS_MAX || kept.bytes > HISTORIES_BYTES_MAX {
            let oldest = kept.sessions.iter().min_by_key(|(_, (used, _))| *used);
            let Some(id) = oldest.map(|(id, _)| id.clone()) else {
                break;
            };
            kept.remove(&id);
        }
    }
}

impl Kept {
    fn remove(&mut self, id: &SessionId) -> Option<Session> {
        let (_, session) = self.sessions.remove(id)?;
        self.bytes -= session.history_bytes;
        Some(session)
    }
}

impl State {
    /// The session for the claim `token`, from what is kept or from the store and the workspace.
    pub(crate) async fn session(&self, id: &SessionId, token: i64) -> Result<Session, StoreError> {
        // A number in between was another process's, whose turn is in the store only.
        if let Some(mut session) = self.sessions.take(id)
            && session.token + 1 == token
        {
            session.token = token;
            return Ok(session);
        }
        let resumed = self
            .parts
            .store
            .resume(id.clone(), HISTORY_MESSAGES_MAX)
            .await?;
        let mut history = resumed.messages;
        let mut history_bytes = cut_history(&mut history, self.parts.limits.history_bytes_max);
        history.push(Message::user("(check)"));
        let sound = check_conversation(&history);
        history.pop();
        if let Err(error) = sound {
            tracing::error!(session = %id, %error, "the stored history is broken; starting afresh");
            history.clear();
            history_bytes = 0;
        }
        let pins = &resumed.settings.pins;
        let system = read_prompt(&self.parts.workspace, pins);
        let system = self.sessions.share(system);
        Ok(Session {
            system,
            summary: resumed.summary.map(Arc::from),
            history: Arc::new(history),
            history_bytes,
            settings: resumed.settings,
            token,
        })
    }
}
