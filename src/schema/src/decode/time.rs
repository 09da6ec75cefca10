//! `metav1.Time` and `MicroTime` in JSON: canonical form, and Go's words for what is none.

use apimachinery::time::{format, format_micro, parse};

/// Go's reference time, piece by piece.
const PIECES: [(&str, usize); 11] = [
    ("2006", 4),
    ("-", 0),
    ("01", 2),
    ("-", 0),
    ("02", 2),
    ("T", 0),
    ("15", 2),
    (":", 0),
    ("04", 2),
    (":", 0),
    ("05", 2),
];

/// UTC, whole seconds: fractions are dropped, as Go's printing does.
pub(super) fn seconds(text: String) -> Result<String, String> {
    check(&text, "")?;
    Ok(parse(&text).map_or(text, format))
}

/// UTC, six digits; exactly six are read.
pub(super) fn micros(text: String) -> Result<String, String> {
    check(&text, ".000000")?;
    Ok(parse(&text).map_or(text, format_micro))
}

/// Reads along the layout and says where the text leaves it.
fn check(text: &str, fraction: &str) -> Result<(), String> {
    let layout = format!("2006-01-02T15:04:05{fraction}Z07:00");
    let bad = |rest: &str, piece: &str| {
        format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {piece:?}")
    };
    let mut rest = text;
    for (piece, digits) in PIECES {
        rest = take(rest, piece, digits).ok_or_else(|| bad(rest, piece))?;
    }
    rest = take_fraction(rest, fraction.len()).ok_or_else(|| bad(rest, fraction))?;
    let rest = take_zone(rest).ok_or_else(|| bad(rest, "Z07:00"))?;
    if !rest.is_empty() {
        return Err(format!("parsing time {text:?}: extra text: {rest:?}"));
    }
    out_of_range(text).map_or(Ok(()), |what| {
        Err(format!("parsing time {text:?}: {what} out of range"))
    })
}

fn take<'t>(text: &'t str, piece: &str, digits: usize) -> Option<&'t str> {
    if digits == 0 {
        return text.strip_prefix(piece);
    }
    let (head, rest) = text.split_at_checked(digits)?;
    head.bytes().all(|b| b.is_ascii_digit()).then_some(rest)
}

/// `wanted` characters with the dot; where none is wanted, any number of digits may come.
fn take_fraction(text: &str, wanted: usize) -> Option<&str> {
    let Some(digits) = text.strip_prefix('.') else {
        return (wanted == 0).then_some(text);
    };
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    match digits.len() - rest.len() {
        0 => None,
        _ if wanted == 0 => Some(rest),
        count if count >= wanted - 1 => Some(&digits[wanted - 1..]),
        _ => None,
    }
}

fn take_zone(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some(rest);
    }
    let rest = text.strip_prefix(['+', '-'])?;
    take(take(take(rest, "07", 2)?, ":", 0)?, "00", 2)
}

fn out_of_range(text: &str) -> Option<&'static str> {
    let number = |at: usize| text[at..at + 2].parse::<u32>().unwrap_or(99);
    let (month, day) = (number(5), number(8));
    match () {
        () if !(1..=12).contains(&month) => Some("month"),
        () if number(11) > 23 => Some("hour"),
        () if number(14) > 59 => Some("minute"),
        () if number(17) > 59 => Some("second"),
        () if day < 1 || day > days(text[..4].parse().unwrap_or(0), month) => Some("day"),
        () => None,
    }
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
