//! The moments at the start of log lines: RFC 3339 in UTC, `2026-01-31T23:59:59.123Z`.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY_S: i64 = 86_400;

/// Now, to the second.
pub(crate) fn now() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    write(i64::try_from(since.as_secs()).unwrap_or(0))
}

/// Seconds since the Unix epoch of the moment that `line` starts with. Log lines in JSON have it
/// as their first value.
pub(crate) fn parse(line: &str) -> Option<i64> {
    let line = line
        .strip_prefix("{\"timestamp\":\"")
        .unwrap_or(line)
        .as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = line.get(from..to)?;
        digits.iter().all(u8::is_ascii_digit).then_some(())?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    let sign = |at: usize, expected: u8| (line.get(at) == Some(&expected)).then_some(());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    sign(4, b'-')?;
    sign(7, b'-')?;
    sign(10, b'T')?;
    sign(13, b':')?;
    sign(16, b':')?;
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day);
    let in_day = hour < 24 && minute < 60 && second <= 60;
    // The only offset that is written here is none.
    let rest = line
        .get(19..)?
        .iter()
        .position(|byte| !matches!(byte, b'.' | b'0'..=b'9'))?;
    sign(19 + rest, b'Z')?;
    (in_range && in_day)
        .then(|| days_since_epoch(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second)
}

fn write(unix_s: i64) -> String {
    let (year, month, day) = date(unix_s.div_euclid(DAY_S));
    let second = unix_s.rem_euclid(DAY_S);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

// Both directions count years from March, so that the leap day is the last day of a year and
// months before it have fixed lengths: day 0 of month m is (153 m + 2) / 5.

fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let shifted = year - i64::from(month < 3);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = shifted.div_euclid(4) - shifted.div_euclid(100) + shifted.div_euclid(400);
    365 * shifted + leap_days + day_of_year - DAYS_TO_EPOCH
}

/// From 1 March of the year 0 to 1 January 1970.
const DAYS_TO_EPOCH: i64 = 719_468;

fn date(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_EPOCH;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month < 3), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_on_every_day_of_centuries() {
        for day in -40_000..80_000 {
            let unix_s = day * DAY_S + 86_399 - (day.rem_euclid(7) * 3601);
            assert_eq!(parse(&write(unix_s)), Some(unix_s), "{}", write(unix_s));
        }
    }

    #[test]
    fn known_moments() {
        assert_eq!(write(0), "1970-01-01T00:00:00Z");
        assert_eq!(write(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(
            parse("2026-11-22T08:25:20.123456Z  INFO hello"),
            Some(1_795_335_920)
        );
        assert_eq!(
            parse("{\"timestamp\":\"1970-01-02T00:00:00Z\",\"level\""),
            Some(DAY_S)
        );
    }

    #[test]
    fn other_lines_have_no_moment() {
        for line in [
            "",
            "thread 'main' panicked",
            "2026-11-22",
            "2026-13-01T00:00:00Z",
            "2026-11-22T08:25:20+02:00",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
