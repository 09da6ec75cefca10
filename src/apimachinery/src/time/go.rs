//! RFC 3339 as Go's `time.Parse` reads it with the layout `RFC3339`: a little more than the standard
//! allows, fractions of a second among it, and errors that name the first element which is not there.

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp, tz::Offset};

use super::FIRST;
use crate::quote::quoted;

const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";

/// Why a text is no time, in the words of Go's `time.ParseError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parsing time {}{why}", quoted(text))]
pub struct ParseTimeError {
    text: String,
    why: String,
}

/// A time with any offset. One that is beyond what can be written is the nearest that can.
///
/// # Errors
/// Those of Go, with its texts.
pub fn parse_go(text: &str) -> Result<Timestamp, ParseTimeError> {
    read(text.as_bytes()).map_err(|why| ParseTimeError {
        text: text.to_owned(),
        why,
    })
}

fn read(text: &[u8]) -> Result<Timestamp, String> {
    let rest = &mut &*text;
    let year = year(rest)?;
    sign(rest, "-")?;
    let month = number(rest, "01", 1..13, "month")?;
    sign(rest, "-")?;
    let day = number(rest, "02", 0..100, "day")?;
    sign(rest, "T")?;
    let hour = number(rest, "15", 0..24, "hour")?;
    sign(rest, ":")?;
    let minute = number(rest, "04", 0..60, "minute")?;
    sign(rest, ":")?;
    let second = number(rest, "05", 0..60, "second")?;
    let nanos = fraction(rest);
    let east = zone(rest)?;
    if !rest.is_empty() {
        return Err(format!(": extra text: {}", quoted(rest)));
    }
    let date = Date::new(year, month, day).map_err(|_| out_of_range("day"))?;
    let time = Time::new(hour, minute, second, nanos).expect("each is in its range");
    let utc = Offset::UTC.to_timestamp(date.to_datetime(time));
    let utc = utc.and_then(|time| time.checked_sub(SignedDuration::from_secs(east)));
    // Only the last day of the year 9999 has moments that are none.
    Ok(utc.unwrap_or(Timestamp::MAX).max(FIRST))
}

fn missing(element: &str, tail: &[u8]) -> String {
    let (layout, tail, element) = (quoted(LAYOUT), quoted(tail), quoted(element));
    format!(" as {layout}: cannot parse {tail} as {element}")
}

fn out_of_range(what: &str) -> String {
    format!(": {what} out of range")
}

fn year(rest: &mut &[u8]) -> Result<i16, String> {
    let digits = rest
        .split_at_checked(4)
        .filter(|(year, _)| year.iter().all(u8::is_ascii_digit));
    let (year, tail) = digits.ok_or_else(|| missing("2006", rest))?;
    *rest = tail;
    Ok(year
        .iter()
        .fold(0, |year, digit| 10 * year + i16::from(digit - b'0')))
}

fn sign(rest: &mut &[u8], sign: &str) -> Result<(), String> {
    let tail = rest.strip_prefix(sign.as_bytes());
    *rest = tail.ok_or_else(|| missing(sign, rest))?;
    Ok(())
}

/// Two digits; of hours Go takes one as well.
fn number(
    rest: &mut &[u8],
    element: &str,
    range: std::ops::Range<i8>,
    what: &str,
) -> Result<i8, String> {
    let (number, tail) = match **rest {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9', ref tail @ ..] => (two(tens, ones), tail),
        [ones @ b'0'..=b'9', ref tail @ ..] if element == "15" => (two(b'0', ones), tail),
        _ => return Err(missing(element, rest)),
    };
    if !range.contains(&number) {
        return Err(out_of_range(what));
    }
    *rest = tail;
    Ok(number)
}

fn two(tens: u8, ones: u8) -> i8 {
    // Of two digits at most 99.
    (10 * (tens - b'0') + ones - b'0').cast_signed()
}

/// Nanoseconds: a point or comma and any number of digits, or nothing.
fn fraction(rest: &mut &[u8]) -> i32 {
    let [b'.' | b',', tail @ ..] = *rest else {
        return 0;
    };
    let end = tail.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, tail) = tail.split_at(end.unwrap_or(tail.len()));
    if digits.is_empty() {
        return 0;
    }
    *rest = tail;
    let nine = digits.iter().chain(&[b'0'; 9]).take(9);
    nine.fold(0, |nanos, digit| 10 * nanos + i32::from(digit - b'0'))
}

/// The offset from UTC in seconds. Go takes 24 hours and 60 minutes, as some people write them.
fn zone(rest: &mut &[u8]) -> Result<i64, String> {
    if let [b'Z', tail @ ..] = *rest {
        *rest = tail;
        return Ok(0);
    }
    let whole = *rest;
    let wrong = || missing("Z07:00", whole);
    let [sign, h1, h2, b':', m1, m2, tail @ ..] = whole else {
        return Err(wrong());
    };
    let part = |tens: &u8, ones: &u8| {
        let are_digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        are_digits.then(|| i64::from(two(*tens, *ones)))
    };
    let hours = part(h1, h2);
    let minutes = hours.and_then(|_| part(m1, m2));
    // In this order: what is out of its range is told before what is no number.
    if minutes.is_some_and(|minutes| minutes > 60) {
        return Err(out_of_range("time zone offset minute"));
    }
    if hours.is_some_and(|hours| hours > 24) {
        return Err(out_of_range("time zone offset hour"));
    }
    let seconds = hours.zip(minutes).map(|(h, m)| (60 * h + m) * 60);
    *rest = tail;
    match (sign, seconds) {
        (b'+', Some(seconds)) => Ok(seconds),
        (b'-', Some(seconds)) => Ok(-seconds),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_gos() {
        let rows = [
            ("2026-01-10T12:00:00Z", "2026-01-10T12:00:00Z"),
            ("2026-01-10T13:00:00.5+01:00", "2026-01-10T12:00:00.5Z"),
            ("2024-02-29T0:00:00,25-00:30", "2024-02-29T00:30:00.25Z"),
            (
                "2026-01-10T00:00:00.1234567891Z",
                "2026-01-10T00:00:00.123456789Z",
            ),
            ("2026-01-10T00:00:00+24:60", "2026-01-08T23:00:00Z"),
            ("0000-01-01T00:00:00+00:01", "0000-01-01T00:00:00Z"),
            (
                "9999-12-31T23:59:59-23:00",
                "9999-12-30T22:00:00.999999999Z",
            ),
        ];
        for (text, expected) in rows {
            let got = parse_go(text).map(|time| time.to_string());
            assert_eq!(got.as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn errors_are_gos() {
        // What could not be parsed as which element.
        let missing = [
            ("", "", "2006"),
            ("x", "x", "2006"),
            ("20260-01-10", "0-01-10", "-"),
            ("2026-1-10T00:00:00Z", "1-10T00:00:00Z", "01"),
            ("2026-01", "", "-"),
            ("2026-01-1", "1", "02"),
            ("2026-01-10 00:00:00Z", " 00:00:00Z", "T"),
            ("2026-01-10T", "", "15"),
            ("2026-01-10T00-00:00Z", "-00:00Z", ":"),
            ("2026-01-10T00:0:00Z", "0:00Z", "04"),
            ("2026-01-10T00:00:0Z", "0Z", "05"),
            ("2026-01-10T00:00:00", "", "Z07:00"),
            ("2026-01-10T00:00:00.Z", ".Z", "Z07:00"),
            ("2026-01-10T00:00:00+0100", "+0100", "Z07:00"),
            ("2026-01-10T00:00:00+0x:00", "+0x:00", "Z07:00"),
            ("2026-01-10T00:00:00*01:00", "*01:00", "Z07:00"),
        ];
        let missing = missing.map(|(text, tail, element)| (text, missing_text(tail, element)));
        let others = [
            ("2026-13-01T00:00:00Z", ": month out of range"),
            ("2026-00-01T00:00:00Z", ": month out of range"),
            ("2026-02-29T00:00:00Z", ": day out of range"),
            ("2026-01-00T00:00:00Z", ": day out of range"),
            ("2026-01-10T24:00:00Z", ": hour out of range"),
            ("2026-01-10T00:60:00Z", ": minute out of range"),
            ("2026-01-10T00:00:60Z", ": second out of range"),
            (
                "2026-01-10T00:00:00+25:00",
                ": time zone offset hour out of range",
            ),
            (
                "2026-01-10T00:00:00+25:61",
                ": time zone offset minute out of range",
            ),
            ("2026-02-30T00:00:00Zulu", ": extra text: \"ulu\""),
        ];
        let others = others.map(|(text, why)| (text, why.to_owned()));
        for (text, why) in missing.into_iter().chain(others) {
            let got = parse_go(text).map_err(|error| error.to_string());
            assert_eq!(got, Err(format!("parsing time {text:?}{why}")));
        }
        let got = parse_go("2026\u{e4}\"").map_err(|error| error.to_string());
        let tail = r#"cannot parse "\xc3\xa4\"" as "-""#;
        let expected = format!(r#"parsing time "2026\xc3\xa4\"" as "{LAYOUT}": {tail}"#);
        assert_eq!(got, Err(expected));
    }

    fn missing_text(tail: &str, element: &str) -> String {
        format!(" as \"2006-01-02T15:04:05Z07:00\": cannot parse {tail:?} as {element:?}")
    }
}
