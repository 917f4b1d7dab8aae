//! Moments as people type them: an age (`10m`) or a moment (`2026-01-31T12:00:00Z`).

use thiserror::Error;

/// Why a moment is not one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is neither an age nor a moment")]
pub(crate) struct MomentError(pub(crate) String);

/// The moment that `text` means, in seconds since the Unix epoch; ages count back from `now`.
pub(crate) fn parse_moment(text: &str, now_unix_s: i64) -> Result<i64, MomentError> {
    age_s(text)
        .map(|age| now_unix_s.saturating_sub(age))
        .or_else(|| rfc3339(text))
        .ok_or_else(|| MomentError(text.to_owned()))
}

/// A moment of UTC as part of a file's name: `20260131T120000Z`.
pub(crate) fn stamp(unix_s: u64) -> String {
    let (days, second) = (unix_s / 86_400, unix_s % 86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let mut year = 1970;
    let mut days = i64::try_from(days).unwrap_or(0);
    while days >= days_since_epoch(year + 1, 1, 1) - days_since_epoch(year, 1, 1) {
        days -= days_since_epoch(year + 1, 1, 1) - days_since_epoch(year, 1, 1);
        year += 1;
    }
    let mut month = 1;
    while days >= days_in(year, month) {
        days -= days_in(year, month);
        month += 1;
    }
    let day = days + 1;
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// A moment of the past as `YYYY-MM-DDThh:mm:ssZ`.
pub(crate) fn rfc3339_of(unix_ms: u64) -> String {
    let (days, seconds) = (unix_ms / 86_400_000, unix_ms / 1000 % 86_400);
    // The way back from `days_since_epoch`.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn age_s(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let count: u32 = text[..text.len() - unit.len_utf8()].parse().ok()?;
    Some(i64::from(count) * seconds)
}

/// `YYYY-MM-DDThh:mm:ss[.fraction](Z|±hh:mm)`; fractions are cut off.
fn rfc3339(text: &str) -> Option<i64> {
    if !text.is_ascii() || text.len() < 20 {
        return None;
    }
    let (stamp, rest) = text.split_at(19);
    let shape: String = stamp
        .chars()
        .map(|c| {
            if c.is_ascii_digit() {
                'd'
            } else {
                c.to_ascii_uppercase()
            }
        })
        .collect();
    if shape != "dddd-dd-ddTdd:dd:dd" && shape != "dddd-dd-dd dd:dd:dd" {
        return None;
    }
    let number = |from: usize, to: usize| stamp[from..to].parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if zone.len() == fraction.len() {
                return None;
            }
            zone
        }
        None => rest,
    };
    let days = days_since_epoch(year, month, day);
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second - offset_s(zone)?)
}

fn offset_s(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
    (hours < 24 && minutes < 60)
        .then(|| sign * (i64::from(hours) * 3_600 + i64::from(minutes) * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar, counting years from March so that the leap
/// day is the last of its year.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_they_are_read() {
        for moment in [
            "1970-01-01T00:00:00Z",
            "2000-02-29T12:00:00Z",
            "2026-12-31T23:59:59Z",
            "2027-01-01T00:00:00Z",
            "2100-03-01T06:07:08Z",
        ] {
            let seconds = u64::try_from(parse_moment(moment, 0).unwrap()).unwrap();
            assert_eq!(rfc3339_of(seconds * 1000 + 999), moment);
        }
    }

    #[test]
    fn ages_and_moments_are_understood() {
        let check = |text: &str, expected: Option<i64>| {
            assert_eq!(parse_moment(text, 1_000_000).ok(), expected, "{text}");
        };
        check("90s", Some(999_910));
        check("10m", Some(999_400));
        check("2h", Some(992_800));
        check("1d", Some(913_600));
        check("1970-01-01T00:00:00Z", Some(0));
        check("2000-02-29T12:00:00Z", Some(951_825_600));
        check("2026-11-22T09:30:00.25+01:00", Some(1_795_336_200));
        check("2026-11-22 08:30:00z", Some(1_795_336_200));
        for wrong in [
            "",
            "m",
            "-5m",
            "5x",
            "2026-02-29T00:00:00Z",
            "2026-01-01",
            "2026-01-01T00:00:00",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn stamps_are_utc() {
        assert_eq!(stamp(0), "19700101T000000Z");
        assert_eq!(stamp(951_825_600), "20000229T120000Z");
        assert_eq!(stamp(1_795_336_200), "20261122T083000Z");
        assert_eq!(stamp(1_798_761_599), "20261231T235959Z");
    }
}
