//! Log options in a query.

use http::Uri;
use jiff::{SignedDuration, Timestamp};

use crate::logs::LogOptions;

/// Reads the options of a log request.
///
/// # Errors
/// The option that cannot be read.
pub fn log_options(uri: &Uri, now: Timestamp) -> Result<LogOptions, String> {
    let get = |name: &str| value(uri, name);
    let number = |name: &str| -> Result<Option<i64>, String> {
        match get(name).as_str() {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| format!("invalid {name}: {text:?}")),
        }
    };
    let since_seconds = number("sinceSeconds")?.map(|seconds| {
        now.saturating_sub(SignedDuration::from_secs(seconds))
            .unwrap_or(now)
    });
    let since_time = match get("sinceTime").as_str() {
        "" => None,
        text => Some(
            text.parse()
                .map_err(|_| format!("invalid sinceTime: {text:?}"))?,
        ),
    };
    let size = |n: i64| usize::try_from(n.max(0)).unwrap_or(usize::MAX);
    Ok(LogOptions {
        follow: flag(uri, "follow"),
        timestamps: flag(uri, "timestamps"),
        since: since_seconds.or(since_time),
        tail_lines: number("tailLines")?.map(size),
        limit_bytes: number("limitBytes")?.map(size),
    })
}

/// Whether a flag is set.
pub fn flag(uri: &Uri, name: &str) -> bool {
    !matches!(value(uri, name).as_str(), "" | "false" | "0")
}

fn value(uri: &Uri, name: &str) -> String {
    let pairs = uri.query().unwrap_or_default().split('&');
    let found = pairs
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name);
    found.map_or(String::new(), |(_, value)| {
        value.replace("%3A", ":").replace("%2B", "+")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let now: Timestamp = "2026-11-21T04:00:10Z".parse().expect("a time");
        let read = |query: &str| log_options(&format!("/x?{query}").parse().expect("a uri"), now);
        let since: Timestamp = "2026-11-21T04:00:00Z".parse().expect("a time");
        let options = read("follow=true&tailLines=5&sinceSeconds=10&timestamps=0");
        assert_eq!(
            options,
            Ok(LogOptions {
                follow: true,
                tail_lines: Some(5),
                since: Some(since),
                ..LogOptions::default()
            })
        );
        assert_eq!(
            read("tailLines=x"),
            Err("invalid tailLines: \"x\"".to_owned())
        );
        let options = read("sinceTime=2026-11-21T04%3A00%3A00Z").expect("valid");
        assert_eq!(options.since, Some(since));
    }
}
