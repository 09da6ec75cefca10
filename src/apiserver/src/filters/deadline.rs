//! How long a request may take: a minute, or less when the client says so with `timeout=`.

use std::time::Duration;

use apimachinery::StatusError;
use http::Uri;

use crate::request_info::query;

/// A request that does not stream is answered within this time (upstream's
/// `--request-timeout`).
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The client's `timeout` parameter, at most [`DEADLINE`].
///
/// # Errors
/// BadRequest when it is no duration of Go.
pub(crate) fn of(uri: &Uri) -> Result<Duration, StatusError> {
    let text = query(uri, "timeout");
    if text.is_empty() {
        return Ok(DEADLINE);
    }
    let wanted = parse(&text).map_err(|why| {
        StatusError::bad_request(format!(
            "invalid timeout specified in the request URL - time: {why}"
        ))
    })?;
    // Zero and less mean "as long as it may take" (client-go leaves it out for that).
    Ok(if wanted.is_zero() {
        DEADLINE
    } else {
        wanted.min(DEADLINE)
    })
}

/// Go's `time.ParseDuration`; a negative one reads as zero.
fn parse(text: &str) -> Result<Duration, String> {
    let invalid = || format!("invalid duration {text:?}");
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, tail) = rest.split_at(digits.unwrap_or(rest.len()));
        let number: f64 = number.parse().map_err(|_| invalid())?;
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, tail) = tail.split_at(end.unwrap_or(tail.len()));
        total += number * seconds(unit, text)?;
        rest = tail;
    }
    if negative {
        return Ok(Duration::ZERO);
    }
    Duration::try_from_secs_f64(total).map_err(|_| invalid())
}

fn seconds(unit: &str, text: &str) -> Result<f64, String> {
    Ok(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "" => return Err(format!("missing unit in duration {text:?}")),
        other => return Err(format!("unknown unit {other:?} in duration {text:?}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_gos_durations() {
        let rows = [
            ("", Ok(60_000)),
            ("timeout=1s", Ok(1000)),
            ("timeout=1m30s", Ok(60_000)),
            ("timeout=1.5s500ms", Ok(2000)),
            ("timeout=0", Ok(60_000)),
            ("timeout=-1s", Ok(60_000)),
            ("timeout=5", Err("missing unit in duration \"5\"")),
            ("timeout=abc", Err("invalid duration \"abc\"")),
            ("timeout=1y", Err("unknown unit \"y\" in duration \"1y\"")),
        ];
        for (query, expected) in rows {
            let uri = format!("/x?{query}").parse().expect("a uri");
            let expected = expected.map_err(|why| {
                format!("invalid timeout specified in the request URL - time: {why}")
            });
            let got = of(&uri).map(|d| d.as_millis());
            assert_eq!(got.map_err(|e| e.to_string()), expected, "{query}");
        }
    }
}
