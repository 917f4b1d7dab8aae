//! `agents.<name>.budget`

use crate::model::Budget;

use super::field::Field;
use super::reader::Reader;
use super::section::Section;

/// More than anybody lets an agent spend, in US dollars.
const DOLLARS_MAX: f64 = 1e6;

/// `agents.<name>.budget`
pub(super) fn budget(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Budget> {
    let mut section = Section::open(reader, field)?;
    let mut amount = |key| {
        let field = section.optional(key)?;
        let dollars = field.number(reader, 0.0..=DOLLARS_MAX)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 10^12"
        )]
        let micro_usd = (dollars * 1e6).round() as u64;
        Some(micro_usd)
    };
    let budget = Budget {
        day_micro_usd: amount("day"),
        month_micro_usd: amount("month"),
        turn_micro_usd: amount("turn"),
    };
    section.finish(reader);
    Some(budget)
}
