//! Times as text. A crate for dates would be a dependency of every user, for this one function.

/// Appends a time, given in nanoseconds since the Unix epoch, in UTC: `2026-11-27T14:05:09.123456789Z`.
///
/// Always 30 characters, because the largest `u64` is in the year 2554. So times also sort as text.
pub(super) fn push(out: &mut String, unix_nanos: u64) {
    let (seconds, nanos) = (unix_nanos / 1_000_000_000, unix_nanos % 1_000_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    put(&mut text[0..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], second / 3_600);
    put(&mut text[14..16], second / 60 % 60);
    put(&mut text[17..19], second % 60);
    put(&mut text[20..29], nanos);
    out.push_str(str::from_utf8(&text).expect("digits and punctuation are ASCII"));
}

/// Writes the last digits of a number, as many as there are places.
fn put(places: &mut [u8], mut number: u64) {
    for place in places.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Returns the date of the day that is so many days after 1970-01-01, as year, month and day.
///
/// Howard Hinnant's `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>): a year begins in March, so that
/// the leap day is its last, and the calendar repeats every 400 years, which are 146,097 days.
fn date(days: u64) -> (u64, u64, u64) {
    let from_march_of_0 = days + 719_468;
    let (era, day) = (from_march_of_0 / 146_097, from_march_of_0 % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day + 2) / 153;
    let day = day - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) =
        if month_from_march < 10 { (month_from_march + 3, 0) } else { (month_from_march - 9, 1) };
    (400 * era + year + next_year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000_000_000;

    fn text(unix_nanos: u64) -> String {
        let mut out = String::new();
        push(&mut out, unix_nanos);
        out
    }

    #[test]
    fn a_time_is_written_to_the_nanosecond() {
        assert_eq!(text(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(text(951_782_399_999_999_999), "2000-02-28T23:59:59.999999999Z");
        assert_eq!(text(951_782_400_000_000_000), "2000-02-29T00:00:00.000000000Z");
        assert_eq!(text(1_795_788_309_123_456_789), "2026-11-27T14:05:09.123456789Z");
        assert_eq!(text(u64::MAX), "2554-07-21T23:34:33.709551615Z");
    }

    #[test]
    fn every_day_until_the_last_has_the_date_of_a_calendar() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..=u64::MAX / DAY {
            assert_eq!(date(days), (year, month, day), "day {days}");
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 => 28 + u64::from(is_leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day = if day == length { 1 } else { day + 1 };
            month = if day > 1 { month } else { month % 12 + 1 };
            year += u64::from((month, day) == (1, 1));
        }
        assert_eq!((year, month, day), (2554, 7, 22));
    }

    #[test]
    fn every_second_of_a_day_has_the_time_of_a_clock() {
        for second in 0..86_400 {
            let (hour, minute) = (second / 3_600, second % 3_600 / 60);
            let expected = format!("1970-01-01T{hour:02}:{minute:02}:{:02}.000000007Z", second % 60);
            assert_eq!(text(second * 1_000_000_000 + 7), expected);
        }
    }
}
