//! Time as API objects write it: four digits of year, from 0000 on.

mod go;

use jiff::Timestamp;

pub use go::{ParseTimeError, parse_go};

/// The first moment of the year 0: RFC 3339 has no sign to write an earlier one with.
const FIRST: Timestamp = Timestamp::constant(-62_167_219_200, 0);

/// `metav1.Time`: RFC 3339, UTC, whole seconds. What is before the year 0 is its first moment.
#[must_use]
pub fn format(time: Timestamp) -> String {
    time.max(FIRST).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `metav1.MicroTime`: RFC 3339, UTC, always six digits; bounded as [`format`] is.
#[must_use]
pub fn format_micro(time: Timestamp) -> String {
    time.max(FIRST)
        .strftime("%Y-%m-%dT%H:%M:%S.%6fZ")
        .to_string()
}

/// The day in UTC: `2027-01-01`; bounded as [`format`] is.
#[must_use]
pub fn date(time: Timestamp) -> String {
    time.max(FIRST).strftime("%Y-%m-%d").to_string()
}

/// Either form, any offset. `None` for what RFC 3339 does not allow (jiff alone takes more:
/// a time zone in brackets, missing seconds, an offset without a colon), nor for a time that is
/// before the year 0 in UTC.
#[must_use]
pub fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let zone_is_rfc3339 = text.ends_with('Z')
        || (bytes.len() > 6
            && matches!(bytes[bytes.len() - 6], b'+' | b'-')
            && bytes[bytes.len() - 3] == b':');
    let has_seconds = bytes.len() >= 20 && bytes[10] == b'T' && bytes[16] == b':';
    if zone_is_rfc3339 && has_seconds {
        text.parse().ok().filter(|time| *time >= FIRST)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_parses() {
        let time: Timestamp = "2026-11-21T04:00:00.1234567Z".parse().expect("valid");
        assert_eq!(format(time), "2026-11-21T04:00:00Z");
        assert_eq!(format_micro(time), "2026-11-21T04:00:00.123456Z");
        assert_eq!(date(time), "2026-11-21");
        assert_eq!(
            parse("2026-11-21T04:00:00Z").map(format).as_deref(),
            Some("2026-11-21T04:00:00Z")
        );
        assert!(parse("2026-11-21T04:00:00+01:00").is_some());
        for wrong in [
            "2026-11-21T04:00Z",
            "2026-11-21T04:00:00Z[UTC]",
            "2026-11-21T04:00:00+0100",
            "0000-01-01T00:00:00+00:01",
            "-000001-12-31T23:59:59Z",
            "",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_year_has_a_sign() {
        let first = "0000-01-01T00:00:00Z";
        assert_eq!(parse(first), Some(FIRST));
        for time in [Timestamp::MIN, FIRST] {
            assert_eq!(format(time), first);
            assert_eq!(format_micro(time), "0000-01-01T00:00:00.000000Z");
            assert_eq!(date(time), "0000-01-01");
        }
        assert_eq!(format(Timestamp::MAX), "9999-12-30T22:00:00Z");
    }
}
