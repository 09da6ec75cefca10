//! One line of a container's log file: `RFC3339Nano stdout|stderr P|F text`.

use jiff::Timestamp;

use super::LogOptions;

/// What a reader still wants.
pub struct Filter {
    options: LogOptions,
    left: usize,
    /// Whether the line before was partial: its rest takes no timestamp of its own.
    inside: bool,
}

impl Filter {
    pub fn new(options: LogOptions) -> Self {
        let left = options.limit_bytes.unwrap_or(usize::MAX);
        Self {
            options,
            left,
            inside: false,
        }
    }

    /// The bytes a client gets for a raw line, without its final newline.
    pub fn apply(&mut self, raw: &[u8]) -> Vec<u8> {
        let Some(line) = Line::parse(raw) else {
            // Not of this format: shown as it is, rather than lost.
            return self.limited([raw, b"\n"].concat());
        };
        let continues = std::mem::replace(&mut self.inside, line.partial);
        let old = || {
            self.options
                .since
                .is_some_and(|since| line.time().is_some_and(|t| t < since))
        };
        if old() {
            return Vec::new();
        }
        let mut out = Vec::with_capacity(raw.len());
        if self.options.timestamps && !continues {
            out.extend_from_slice(line.stamp);
            out.push(b' ');
        }
        out.extend_from_slice(line.text);
        if !line.partial {
            out.push(b'\n');
        }
        self.limited(out)
    }

    fn limited(&mut self, mut out: Vec<u8>) -> Vec<u8> {
        out.truncate(self.left);
        self.left -= out.len();
        out
    }

    /// Whether `limitBytes` is used up.
    pub fn is_done(&self) -> bool {
        self.left == 0
    }
}

struct Line<'a> {
    stamp: &'a [u8],
    partial: bool,
    text: &'a [u8],
}

impl<'a> Line<'a> {
    fn parse(raw: &'a [u8]) -> Option<Self> {
        let mut parts = raw.splitn(4, |byte| *byte == b' ');
        let (stamp, stream, tag) = (parts.next()?, parts.next()?, parts.next()?);
        if !matches!(stream, b"stdout" | b"stderr") {
            return None;
        }
        Some(Self {
            stamp,
            partial: tag.starts_with(b"P"),
            text: parts.next().unwrap_or_default(),
        })
    }

    fn time(&self) -> Option<Timestamp> {
        std::str::from_utf8(self.stamp).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &[&[u8]] = &[
        b"2026-11-21T04:00:00.000000001Z stdout F one",
        b"2026-11-21T04:00:01.000000001Z stderr P tw",
        b"2026-11-21T04:00:01.000000002Z stderr F o",
        b"2026-11-21T04:00:02.000000001Z stdout F ",
        b"broken",
    ];

    fn read(options: LogOptions) -> String {
        let mut filter = Filter::new(options);
        let bytes: Vec<u8> = LOG.iter().flat_map(|line| filter.apply(line)).collect();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn lines_are_selected_and_stripped() {
        let since = Some("2026-11-21T04:00:01Z".parse().expect("a time"));
        let rows = [
            (LogOptions::default(), "one\ntwo\n\nbroken\n"),
            (
                LogOptions {
                    since,
                    ..Default::default()
                },
                "two\n\nbroken\n",
            ),
            (
                LogOptions {
                    limit_bytes: Some(6),
                    ..Default::default()
                },
                "one\ntw",
            ),
            (
                LogOptions {
                    timestamps: true,
                    limit_bytes: Some(69),
                    ..Default::default()
                },
                "2026-11-21T04:00:00.000000001Z one\n2026-11-21T04:00:01.000000001Z two",
            ),
        ];
        for (options, expected) in rows {
            assert_eq!(read(options.clone()), expected, "{options:?}");
        }
    }
}
