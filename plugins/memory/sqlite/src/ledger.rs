//! What model requests cost.

use rivetos_types::id::SessionId;
use rivetos_types::message::TokenUsage;
use rivetos_types::store::{Expense, Spent};
use rivetos_types::time::Timestamp;
use rusqlite::{Connection, Row, params};

use crate::failure::Failure;
use crate::queue::Held;

/// Adds expenses of a turn.
pub(crate) fn append(
    db: &Connection,
    held: &Held,
    at: Timestamp,
    expenses: &[Expense],
) -> Result<(), Failure> {
    for expense in expenses {
        let usage = expense.usage;
        db.prepare_cached(
            "INSERT INTO ledger
               (at, session, model, input, output, cache_read, cache_write, micro_usd)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            at.0,
            held.session,
            expense.model,
            signed(usage.input),
            signed(usage.output),
            signed(usage.cache_read),
            signed(usage.cache_write),
            signed(expense.micro_usd),
        ])?;
    }
    Ok(())
}

/// Sums since `since`, by model.
pub(crate) fn spent(
    db: &Connection,
    session: Option<&SessionId>,
    since: Timestamp,
) -> Result<Spent, Failure> {
    let mut rows = db.prepare_cached(
        "SELECT model, sum(input), sum(output), sum(cache_read), sum(cache_write), sum(micro_usd)
         FROM ledger
         WHERE at >= ?1 AND (?2 IS NULL OR session = (SELECT id FROM session WHERE name = ?2))
         GROUP BY model ORDER BY model",
    )?;
    let name = session.map(SessionId::as_str);
    let mut rows = rows.query(params![since.0, name])?;
    let mut by_model = Vec::new();
    while let Some(row) = rows.next()? {
        by_model.push(Expense {
            model: row.get(0)?,
            usage: TokenUsage {
                input: sum(row, 1)?,
                output: sum(row, 2)?,
                cache_read: sum(row, 3)?,
                cache_write: sum(row, 4)?,
                // Not kept: it is paid as output.
                reasoning: 0,
            },
            micro_usd: sum(row, 5)?,
        });
    }
    Ok(Spent { by_model })
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn sum(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let sum: i64 = row.get(index)?;
    Ok(u64::try_from(sum).unwrap_or(0))
}
