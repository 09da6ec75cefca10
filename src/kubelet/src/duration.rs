//! Durations as Go prints them: `10s`, `2m40s`, `1.234s`.

use std::time::Duration;

/// Go's `Duration.String` for durations of a millisecond and more, cut to milliseconds.
#[must_use]
pub fn go(duration: Duration) -> String {
    let millis = duration.as_millis();
    let (seconds, fraction) = (millis / 1000, millis % 1000);
    if seconds == 0 {
        return if fraction == 0 {
            "0s".to_owned()
        } else {
            format!("{fraction}ms")
        };
    }
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = String::new();
    if hours > 0 {
        text.push_str(&format!("{hours}h"));
    }
    if hours > 0 || minutes > 0 {
        text.push_str(&format!("{minutes}m"));
    }
    let fraction = format!("{fraction:03}");
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    text.push_str(&format!("{seconds}{point}{fraction}s"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_go() {
        let rows = [
            (0, "0s"),
            (250, "250ms"),
            (1_234, "1.234s"),
            (1_500, "1.5s"),
            (10_000, "10s"),
            (160_000, "2m40s"),
            (300_000, "5m0s"),
            (3_600_000, "1h0m0s"),
        ];
        for (millis, text) in rows {
            assert_eq!(go(Duration::from_millis(millis)), text);
        }
    }
}
