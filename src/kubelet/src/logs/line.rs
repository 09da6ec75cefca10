//! One line of a container's log file: `RFC3339Nano stdout|stderr P|F text`.

use jiff::Timestamp;

use super::LogOptions;

/// What a reader still wants.
pub struct Filter {
    options: LogOptions,
    left: usize,
    /// Whether the line before was partial: its rest takes no timestamp of its own.
    inside: bool,
    /// What was decided for a raw line of which only pieces have come.
    open: Option<Fate>,
}

/// What a raw line's head decides for all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Older than the reader wants.
    Dropped,
    /// Shown; the next raw line goes on with the text.
    Partial,
    /// Shown, with a newline after its end.
    Full,
}

impl Filter {
    pub fn new(options: LogOptions) -> Self {
        let left = options.limit_bytes.unwrap_or(usize::MAX);
        Self {
            options,
            left,
            inside: false,
            open: None,
        }
    }

    /// The bytes a client gets for a raw line without its final newline, or for what is left of a
    /// line whose beginning came in pieces.
    pub fn apply(&mut self, raw: &[u8]) -> Vec<u8> {
        let (fate, mut out) = self.judge(raw);
        if fate == Fate::Full {
            out.push(b'\n');
        }
        self.limited(out)
    }

    /// The bytes a client gets for a piece of a raw line that goes on. The first piece holds all
    /// that stands before the text.
    pub fn piece(&mut self, raw: &[u8]) -> Vec<u8> {
        let (fate, out) = self.judge(raw);
        self.open = Some(fate);
        self.limited(out)
    }

    /// Whether the end of a line that came in pieces is still to come.
    pub fn is_inside_line(&self) -> bool {
        self.open.is_some()
    }

    fn judge(&mut self, raw: &[u8]) -> (Fate, Vec<u8>) {
        match self.open.take() {
            Some(Fate::Dropped) => (Fate::Dropped, Vec::new()),
            Some(fate) => (fate, raw.to_vec()),
            None => self.begin(raw),
        }
    }

    fn begin(&mut self, raw: &[u8]) -> (Fate, Vec<u8>) {
        // Room for the newline.
        let mut out = Vec::with_capacity(raw.len() + 1);
        let Some(line) = Line::parse(raw) else {
            // Not of this format: shown as it is, rather than lost.
            out.extend_from_slice(raw);
            return (Fate::Full, out);
        };
        let continues = std::mem::replace(&mut self.inside, line.partial);
        let since = self.options.since;
        if since.is_some_and(|since| line.time().is_some_and(|time| time < since)) {
            return (Fate::Dropped, Vec::new());
        }
        if self.options.timestamps && !continues {
            out.extend_from_slice(line.stamp);
            out.push(b' ');
        }
        out.extend_from_slice(line.text);
        let fate = if line.partial {
            Fate::Partial
        } else {
            Fate::Full
        };
        (fate, out)
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
            // Each part of a line that the runtime split is judged by its own stamp, as upstream's.
            (
                LogOptions {
                    since: Some("2026-11-21T04:00:01.000000002Z".parse().expect("a time")),
                    ..Default::default()
                },
                "o\n\nbroken\n",
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
