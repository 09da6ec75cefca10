//! Durations as Go reads them: `1h30m`, `1.5s`, `-100ms`.

use jiff::SignedDuration;

use crate::quote::quoted;

/// Why a text is no duration, in the words of Go's `time.ParseDuration`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDurationError {
    /// Not of numbers and units, or more than 292 years.
    #[error("time: invalid duration {}", quoted(.0))]
    Invalid(String),
    /// Only zero needs none.
    #[error("time: missing unit in duration {}", quoted(.0))]
    MissingUnit(String),
    /// There is nothing longer than `h`.
    #[error("time: unknown unit {} in duration {}", quoted(unit), quoted(text))]
    UnknownUnit { unit: String, text: String },
}

/// What each unit has of nanoseconds; micro is written with either sign.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The longest in nanoseconds, which only a negative one may be.
const LONGEST: u64 = 1 << 63;

/// Go's `time.ParseDuration`: numbers with units, added up, after an optional sign; `0` alone.
///
/// # Errors
/// Those of Go, with its texts.
pub fn parse(text: &str) -> Result<SignedDuration, ParseDurationError> {
    let invalid = || ParseDurationError::Invalid(text.to_owned());
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (nanos, tail) = term(rest, text)?;
        let sum = total.checked_add(nanos).filter(|sum| *sum <= LONGEST);
        (total, rest) = (sum.ok_or_else(invalid)?, tail);
    }
    let nanos = if text.starts_with('-') {
        0_i64.checked_sub_unsigned(total)
    } else {
        i64::try_from(total).ok()
    };
    nanos.map(SignedDuration::from_nanos).ok_or_else(invalid)
}

/// The first number of `rest` with its unit, in nanoseconds, and what follows.
fn term<'a>(rest: &'a str, text: &str) -> Result<(u64, &'a str), ParseDurationError> {
    let invalid = || ParseDurationError::Invalid(text.to_owned());
    let (whole, tail) = digits(rest);
    let (fraction, tail) = tail.strip_prefix('.').map_or(("", tail), digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let whole: u64 = match whole {
        "" => 0,
        whole => whole.parse().map_err(|_| invalid())?,
    };
    let end = tail.find(|c: char| c.is_ascii_digit() || c == '.');
    let (unit, tail) = tail.split_at(end.unwrap_or(tail.len()));
    if unit.is_empty() {
        return Err(ParseDurationError::MissingUnit(text.to_owned()));
    }
    let known = UNITS.iter().find(|(name, _)| *name == unit);
    let (_, size) = known.ok_or_else(|| ParseDurationError::UnknownUnit {
        unit: unit.to_owned(),
        text: text.to_owned(),
    })?;
    let nanos = whole.checked_mul(*size);
    let nanos = nanos.and_then(|nanos| nanos.checked_add(part(fraction, *size)));
    Ok((nanos.ok_or_else(invalid)?, tail))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// A fraction of a unit of `size`. With the rounding of Go, whose third of an hour is 20 minutes.
fn part(fraction: &str, size: u64) -> u64 {
    const LAST: u64 = i64::MAX as u64 / 10;
    let (mut number, mut scale) = (0_u64, 1.0);
    // What is not taken any more is less than a nanosecond.
    for digit in fraction.bytes() {
        if number > LAST {
            break;
        }
        number = 10 * number + u64::from(digit - b'0');
        scale *= 10.0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is less than the size of a unit, and cut as in Go"
    )]
    let part = (number as f64 * (size as f64 / scale)) as u64;
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_errors_are_gos() {
        let invalid = |text: &str| Err(format!("time: invalid duration {text}"));
        let missing = |text: &str| Err(format!("time: missing unit in duration {text}"));
        let rows = [
            ("0", Ok(0)),
            ("-0", Ok(0)),
            ("+5s", Ok(5_000_000_000)),
            ("1h30m", Ok(5_400_000_000_000)),
            ("-1.5s", Ok(-1_500_000_000)),
            (".5s", Ok(500_000_000)),
            ("5.s", Ok(5_000_000_000)),
            ("1.5s500ms", Ok(2_000_000_000)),
            ("12µs1μs1us1ns", Ok(14_001)),
            ("0.3333333333333333333h", Ok(1_200_000_000_000)),
            ("0.100000000000000000000h", Ok(360_000_000_000)),
            ("9223372036854775807ns", Ok(i64::MAX)),
            ("-9223372036854775808ns", Ok(i64::MIN)),
            ("", invalid(r#""""#)),
            ("-", invalid(r#""-""#)),
            (".", invalid(r#"".""#)),
            (".s", invalid(r#"".s""#)),
            ("s", invalid(r#""s""#)),
            ("--1s", invalid(r#""--1s""#)),
            (
                "9223372036854775808ns",
                invalid(r#""9223372036854775808ns""#),
            ),
            ("2562048h", invalid(r#""2562048h""#)),
            (
                "99999999999999999999s",
                invalid(r#""99999999999999999999s""#),
            ),
            ("\"\\\n\u{e4}", invalid(r#""\"\\\x0a\xc3\xa4""#)),
            ("5", missing(r#""5""#)),
            ("1.2.3s", missing(r#""1.2.3s""#)),
            ("1h5", missing(r#""1h5""#)),
            (
                "5y",
                Err(r#"time: unknown unit "y" in duration "5y""#.to_owned()),
            ),
            (
                "1 h2m",
                Err(r#"time: unknown unit " h" in duration "1 h2m""#.to_owned()),
            ),
        ];
        for (text, expected) in rows {
            let got = parse(text).map(|duration| duration.as_nanos());
            let expected = expected.map(i128::from);
            assert_eq!(got.map_err(|error| error.to_string()), expected, "{text}");
        }
    }
}
