//! Dates, for people and for names of files.

use rivetos_types::time::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// Days since 1970-01-01, UTC.
pub(super) fn day_of(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY_MS)
}

/// `2026-11-22`. In the Gregorian calendar, of which 400 years have 146,097 days; a year is taken
/// to begin in March, so that the leap day is its last.
pub(super) fn date(day: i64) -> String {
    let since = day + 719_468;
    let era = since.div_euclid(146_097);
    let of_era = since.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year + carry;
    format!("{year:04}-{month:02}-{of_month:02}")
}

/// `2026-11-22T16:35:00.250Z`.
pub(super) fn instant(at: Timestamp) -> String {
    let ms = at.0.rem_euclid(DAY_MS);
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let (seconds, ms) = (ms / 1000 % 60, ms % 1000);
    let date = date(day_of(at));
    format!("{date}T{hours:02}:{minutes:02}:{seconds:02}.{ms:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_names() {
        for (day, name) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (19_782, "2024-02-29"),
            (20_779, "2026-11-22"),
            (20_819, "2027-01-01"),
        ] {
            assert_eq!(date(day), name);
        }
        let at = Timestamp(20_779 * DAY_MS + 59_700_250);
        assert_eq!(instant(at), "2026-11-22T16:35:00.250Z");
    }
}
