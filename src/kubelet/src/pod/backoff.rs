//! Back-off of restarts and of image pulls: 10 s, doubled up to 5 min, per container or image.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

const INITIAL: Duration = Duration::from_secs(10);
const MAX: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug)]
struct Entry {
    delay: Duration,
    /// When the thing was last tried.
    last: Timestamp,
}

impl Entry {
    /// Back-off is forgotten when nothing was tried for twice the longest delay.
    fn is_stale(&self, at: Timestamp) -> bool {
        at.duration_since(self.last) > SignedDuration::try_from(MAX * 2).unwrap_or_default()
    }
}

/// How long ended containers wait before they run again. The first restart does not wait.
#[derive(Clone, Debug, Default)]
pub struct RestartBackoff(HashMap<String, Entry>);

impl RestartBackoff {
    /// How long is left, counted from the end of the last run; `None` when it may run now.
    pub fn remaining(
        &self,
        name: &str,
        finished: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Duration> {
        let entry = self.0.get(name)?;
        let finished = finished.unwrap_or(entry.last);
        if entry.is_stale(finished) {
            return None;
        }
        let passed = Duration::try_from(now.duration_since(finished)).unwrap_or_default();
        entry
            .delay
            .checked_sub(passed)
            .filter(|left| !left.is_zero())
    }

    /// A container was tried: the next wait is twice as long.
    pub fn restarted(&mut self, name: &str, now: Timestamp) {
        let delay = match self.0.get(name) {
            Some(entry) if !entry.is_stale(now) => (entry.delay * 2).min(MAX),
            _ => INITIAL,
        };
        self.0.insert(name.to_owned(), Entry { delay, last: now });
    }

    /// After a restart of rk3s: what the last two runs tell of the wait between them.
    pub fn recover(&mut self, name: &str, newest: Timestamp, before: Option<Timestamp>) {
        let waited = before.map_or(SignedDuration::ZERO, |end| newest.duration_since(end));
        let waited = Duration::try_from(waited).unwrap_or_default();
        if waited > MAX * 2 {
            return;
        }
        let mut delay = INITIAL;
        while delay <= waited && delay < MAX {
            delay = (delay * 2).min(MAX);
        }
        let entry = Entry {
            delay,
            last: newest,
        };
        self.0.entry(name.to_owned()).or_insert(entry);
    }

    /// The thing worked: the next failure starts over.
    pub fn succeeded(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// How long the current wait is in all, as messages say.
    pub fn delay(&self, name: &str) -> Duration {
        self.0.get(name).map_or(Duration::ZERO, |entry| entry.delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn doubles_and_is_forgotten() {
        let mut backoff = RestartBackoff::default();
        assert_eq!(backoff.remaining("a", Some(at(0)), at(0)), None);
        backoff.restarted("a", at(0));
        assert_eq!(
            backoff.remaining("a", Some(at(5)), at(6)),
            Some(Duration::from_secs(9))
        );
        assert_eq!(backoff.remaining("a", Some(at(5)), at(15)), None);
        backoff.restarted("a", at(15));
        assert_eq!(backoff.delay("a"), Duration::from_secs(20));
        for second in 16..30 {
            backoff.restarted("a", at(second));
        }
        assert_eq!(backoff.delay("a"), MAX);
        assert_eq!(backoff.remaining("a", Some(at(10_000)), at(10_001)), None);
        backoff.restarted("a", at(10_000));
        assert_eq!(backoff.delay("a"), INITIAL);
    }

    #[test]
    fn is_recovered_from_what_ran() {
        let rows = [(0, 10), (3, 10), (11, 20), (21, 40), (161, 300), (305, 300)];
        for (waited, expected) in rows {
            let mut backoff = RestartBackoff::default();
            backoff.recover("a", at(1000 + waited), Some(at(1000)));
            assert_eq!(backoff.delay("a").as_secs(), expected, "{waited}");
        }
        let mut backoff = RestartBackoff::default();
        backoff.recover("a", at(9000), Some(at(1000)));
        assert_eq!(backoff.delay("a"), Duration::ZERO);
    }
}
