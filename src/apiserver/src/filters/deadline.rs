//! How long a request may take: a minute, or less when the client says so with `timeout=`.

use std::time::Duration;

use apimachinery::{StatusError, duration};
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
    let wanted = duration::parse(&text).map_err(|why| {
        StatusError::bad_request(format!(
            "invalid timeout specified in the request URL - {why}"
        ))
    })?;
    // Zero and less mean "as long as it may take" (client-go leaves it out for that).
    Ok(if wanted.is_positive() {
        wanted.unsigned_abs().min(DEADLINE)
    } else {
        DEADLINE
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
