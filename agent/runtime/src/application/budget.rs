//! What may be spent, and in which time.

use rivetos_types::id::{ChannelId, ExternalId, SessionId};
use rivetos_types::message::{Authority, ContentPart, InboundMessage};
use rivetos_types::store::{Acceptance, StoreError};
use rivetos_types::time::Timestamp;

use super::state::State;
use crate::clock::now;

const DAY_MS: i64 = 86_400_000;

/// The conversation of what the agent tells its owner unasked; the channel, too, when none reaches
/// an owner.
pub(super) const NOTICES: &str = "notices";

/// What an agent may spend, in millionths of a US dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// From midnight to midnight, UTC.
    pub day_micro_usd: Option<u64>,
    /// Of a calendar month, UTC.
    pub month_micro_usd: Option<u64>,
}

/// A budget that is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsedUp {
    /// For people: which, and what was spent.
    pub(crate) reason: String,
    /// When the next period begins.
    next: &'static str,
    /// Which budget, of which period: nothing else has this name.
    name: String,
}

impl State {
    /// The budget that keeps models from being asked now; `None` when they may be. It costs a look
    /// at the ledger only for an agent that has a budget.
    pub(crate) async fn over_budget(&self) -> Result<Option<UsedUp>, StoreError> {
        let at = now();
        let Budget {
            day_micro_usd,
            month_micro_usd,
        } = self.parts.budget;
        for (budget, period, next, max, since) in [
            ("day", "today", "tomorrow", day_micro_usd, today_of(at)),
            (
                "month",
                "this month",
                "next month",
                month_micro_usd,
                month_of(at),
            ),
        ] {
            let Some(max) = max else { continue };
            let spent = self.parts.store.spent(None, since).await?.micro_usd();
            if spent >= max {
                let (spent, max) = (dollars(spent), dollars(max));
                return Ok(Some(UsedUp {
                    reason: format!(
                        "the agent may spend {max} {period} (UTC) and has spent {spent}"
                    ),
                    next,
                    name: format!("budget-{budget}-{}", since.0 / DAY_MS),
                }));
            }
        }
        Ok(None)
    }

    /// Tells the owner where the first channel that knows its owner says, else with the next reply to
    /// the owner, once: the inbox takes a message of this name no second time, from no process. What
    /// fails here is done at the next refusal.
    pub(crate) async fn tell_owner(&self, used_up: &UsedUp) {
        let mut channels = self.parts.channels.iter();
        let reached = channels.find_map(|channel| {
            let address = channel.owner()?;
            Some((channel.id(), Some(Box::new(address))))
        });
        let (channel, address) = reached.unwrap_or_else(|| (ChannelId::from(NOTICES), None));
        let UsedUp { reason, next, name } = used_up;
        let text = format!(
            "The budget is used up: {reason}. Until {next} turns are refused, unless the budget is \
             raised."
        );
        let notice = InboundMessage {
            channel,
            id: ExternalId::from(name.as_str()),
            session: SessionId::from(NOTICES),
            from: self.parts.identity.agent.clone(),
            authority: Authority::Agent,
            address,
            content: vec![ContentPart::text(text)],
            received_at: now(),
        };
        let turn = notice.turn();
        self.open.open(&turn);
        let accepted = self.parts.store.accept(notice).await;
        self.watch_store(&accepted);
        match accepted {
            Ok(Acceptance::New) => {
                self.open.accepted(&turn);
                self.places.one_more();
            }
            Ok(Acceptance::Known) | Err(_) => self.open.forget_unclaimed(&turn),
        }
    }
}

/// Midnight before `at`, UTC.
pub(super) fn today_of(at: Timestamp) -> Timestamp {
    Timestamp(at.0 - at.0.rem_euclid(DAY_MS))
}

/// The beginning of the month of `at`, UTC.
pub(super) fn month_of(at: Timestamp) -> Timestamp {
    let days = at.0.div_euclid(DAY_MS);
    Timestamp((days - i64::from(day_of_month(days)) + 1) * DAY_MS)
}

/// From days since 1970-01-01, in the Gregorian calendar. A year is taken to begin in March, so
/// that the leap day is its last; 400 years have 146,097 days, and a month starts
/// (153 m + 2) / 5 days after the 1st of March.
fn day_of_month(days: i64) -> i32 {
    let since = days + 719_468;
    let of_era = since.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    i32::try_from(day).unwrap_or(1)
}

/// For people.
pub(super) fn dollars(micro_usd: u64) -> String {
    let cents = micro_usd / 10_000;
    match micro_usd % 10_000 {
        0 => format!("${}.{:02}", cents / 100, cents % 100),
        rest => format!("${}.{:02}{rest:04}", cents / 100, cents % 100)
            .trim_end_matches('0')
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_begin_at_midnight() {
        let at = |day: i64, ms: i64| Timestamp(day * DAY_MS + ms);
        for (day, first) in [
            (0, 0),
            (30, 0),
            (31, 31),
            (58, 31),
            (59, 59),
            // 2024-02-29 and 2024-03-01.
            (19_782, 19_754),
            (19_783, 19_783),
            // 2026-11-22.
            (20_779, 20_758),
        ] {
            assert_eq!(month_of(at(day, 5)), at(first, 0), "day {day}");
            assert_eq!(today_of(at(day, DAY_MS - 1)), at(day, 0));
        }
    }

    #[test]
    fn amounts_are_exact() {
        assert_eq!(dollars(0), "$0.00");
        assert_eq!(dollars(1_230_000), "$1.23");
        assert_eq!(dollars(1_230_400), "$1.2304");
        assert_eq!(dollars(7), "$0.000007");
    }
}
