//! What is in the store of an agent, seen past the agent.

use rusqlite::Connection;

use super::agent::Home;

/// Where an agent keeps its turns.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Store {
    Sqlite,
}

impl Store {
    pub(crate) fn rows(self, home: &Home) -> Rows {
        match self {
            Self::Sqlite => Rows(Connection::open(home.path("data/store.db")).unwrap()),
        }
    }
}

/// A connection of its own.
pub(crate) struct Rows(Connection);

impl Rows {
    fn count(&self, of: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {of}");
        self.0.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    /// Turns that are not answered.
    pub(crate) fn open_turns(&self) -> i64 {
        self.count("inbox WHERE finished = 0")
    }

    /// Messages that were taken, each once.
    pub(crate) fn turns(&self) -> i64 {
        self.count("inbox")
    }

    /// Replies, delivered or not.
    pub(crate) fn replies(&self) -> i64 {
        self.count("outbox")
    }

    /// Replies that nobody has for sure.
    pub(crate) fn unsettled(&self) -> i64 {
        self.count("outbox WHERE settled = 0")
    }

    /// From now on a delivery cannot be stored.
    pub(crate) fn refuse_settling(&self) {
        let trigger = "CREATE TRIGGER refuse BEFORE UPDATE OF settled ON outbox
                       BEGIN SELECT RAISE(ABORT, 'not now'); END";
        self.0.execute_batch(trigger).unwrap();
    }

    pub(crate) fn allow_settling(&self) {
        self.0.execute_batch("DROP TRIGGER refuse").unwrap();
    }

    /// From now on nobody else can write.
    pub(crate) fn lock(&self) {
        self.0.execute_batch("BEGIN IMMEDIATE").unwrap();
    }

    pub(crate) fn unlock(&self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}
