//! Durations as tables and descriptions show them, and as flags take them.

use anyhow::{Context, Result};
use apimachinery::{duration, time};
use jiff::{SignedDuration, Timestamp};

/// `5s`, `2m30s`, `3h`, `2d4h`: apimachinery's `duration.HumanDuration`.
pub(crate) fn human(seconds: i64) -> String {
    const YEAR: i64 = 365;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    let two = |first: i64, unit: &str, second: i64, below: &str| {
        if second == 0 {
            format!("{first}{unit}")
        } else {
            format!("{first}{unit}{second}{below}")
        }
    };
    match seconds {
        ..-1 => "<invalid>".into(),
        -1..0 => "0s".into(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        _ if days < 2 * YEAR => format!("{days}d"),
        _ if days < 8 * YEAR => two(days / YEAR, "y", days % YEAR, "d"),
        _ => format!("{}y", days / YEAR),
    }
}

/// How long ago a timestamp's text is; `<unknown>` for none.
pub(crate) fn age(text: &str, now: Timestamp) -> String {
    match time::parse(text) {
        Some(time) => human(now.as_second() - time.as_second()),
        None => "<unknown>".into(),
    }
}

/// A flag's value in Go's notation.
///
/// # Errors
/// In the words of the parser of upstream's flags.
pub(crate) fn of_flag(name: &str, text: &str) -> Result<SignedDuration> {
    duration::parse(text)
        .with_context(|| format!("invalid argument {text:?} for \"--{name}\" flag"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_and_reads_go_durations() {
        let rows = [
            (-5, "<invalid>"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (150, "2m30s"),
            (3599, "59m"),
            (10_860, "3h1m"),
            (100_000, "27h"),
            (180_000, "2d2h"),
            (864_000, "10d"),
            (400 * 86_400, "400d"),
            (800 * 86_400, "2y70d"),
        ];
        for (seconds, text) in rows {
            assert_eq!(human(seconds), text);
        }
        let half_past = of_flag("since", "1h30m").ok();
        assert_eq!(half_past, Some(SignedDuration::from_mins(90)));
        let error = of_flag("since", "5").map_err(|error| format!("{error:#}"));
        let expected =
            "invalid argument \"5\" for \"--since\" flag: time: missing unit in duration \"5\"";
        assert_eq!(error, Err(expected.to_owned()));
    }
}
