//! Numbers as Go reads and prints them.

use serde_json::{Number, Value};

/// Whether a text is one or more decimal digits.
pub(super) fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An integer in Go's notation, where `0x`, `0o`, `0` and `0b` tell the base.
pub(super) fn go_int(text: &str) -> Option<i128> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefixed = |lower: &str, upper: &str| {
        rest.strip_prefix(lower)
            .or_else(|| rest.strip_prefix(upper))
    };
    let (digits, base) = if let Some(digits) = prefixed("0x", "0X") {
        (digits, 16)
    } else if let Some(digits) = prefixed("0o", "0O") {
        (digits, 8)
    } else if let Some(digits) = prefixed("0b", "0B") {
        (digits, 2)
    } else if rest.len() > 1 && rest.starts_with('0') {
        (&rest[1..], 8)
    } else {
        (rest, 10)
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from_str_radix(digits, base).ok()?;
    Some(if negative { -value } else { value })
}

/// A float as Go's JSON writes it and its untyped objects hold it: whole numbers that fit are
/// integers.
pub(super) fn json(value: f64) -> Option<Value> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the bounds are checked, the fraction is zero"
    )]
    if value.fract() == 0.0 && value.abs() < 9_223_372_036_854_775_808.0 {
        return Some(Value::from(value as i64));
    }
    Number::from_f64(value).map(Value::Number)
}

/// A number as kubectl prints it in YAML: it writes Go's JSON, reads that as YAML, and prints
/// what was read, so whole floats that fit 64 bits come without an exponent. What no `i64`
/// holds is a float in Go's untyped objects.
pub(super) fn print(number: &Number) -> String {
    let Some(value) = number.as_f64().filter(|_| !number.is_i64()) else {
        return number.to_string();
    };
    if value == 0.0 {
        return "0".into();
    }
    let whole = format!("{value}");
    if whole.parse::<u64>().is_ok() || whole.parse::<i64>().is_ok() {
        return whole;
    }
    general(&format!("{value:e}"), value)
}

/// Go's `%g` with the shortest digits, which Rust's `{:e}` has: an exponent below -4 or above
/// 5, of two digits at least.
pub(super) fn general(scientific: &str, value: impl std::fmt::Display) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
