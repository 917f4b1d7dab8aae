//! The tables, as a list of steps that only ever grows.

use rivetos_types::store::StoreError;
use rusqlite::{Connection, TransactionBehavior};

use crate::failure::Failure;

/// Step `n` brings a store from version `n` to `n + 1`; `user_version` counts the steps done.
/// A step adds tables, columns or indexes and never changes what older programs read.
const STEPS: [&str; 2] = [
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
];

/// Brings the store up to date. Two processes may do so at once: the second one waits.
pub(crate) fn migrate(db: &mut Connection) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| Failure::from(error).during("prepare the tables");
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let step = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let found: i64 = step
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(failed)?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for sql in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        step.execute_batch(sql).map_err(failed)?;
    }
    step.pragma_update(None, "user_version", known)
        .map_err(failed)?;
    step.commit().map_err(failed)
}
