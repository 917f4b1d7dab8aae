//! Turn store in embedded SQLite.
//!
//! One thread owns the one connection. It takes whatever calls are waiting, runs them in one
//! transaction (each in a savepoint of its own) and answers after the commit, so that many
//! sessions share one sync of the disk.
//!
//! **Invariant:** a caller sees a result only after the transaction that it belongs to was
//! committed, with the durability that the call asked for or a stronger one.

mod approval;
mod changes;
mod failure;
mod ledger;
mod log;
mod outbox;
mod presence;
mod queue;
mod schema;
mod session;
mod store;
mod turn;
mod writer;

pub use store::SqliteStore;
