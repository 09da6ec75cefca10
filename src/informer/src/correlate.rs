//! Which occurrences become a new Event, which count up an old one, which are dropped
//! (client-go's EventCorrelator; events-and-timing §1).

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

/// More different messages than this within [`AGGREGATE_FOR`] become one.
const AGGREGATE_FROM: usize = 10;
const AGGREGATE_FOR: Duration = Duration::from_secs(600);
/// A burst of events about one object, then one per period.
const BURST: f64 = 25.0;
const PERIOD: Duration = Duration::from_secs(300);
/// Entries remembered of each sort.
const REMEMBERED: usize = 4096;

/// All that must be equal for two occurrences to differ in their message alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The object, whatever its version.
    pub object: String,
    /// The part of the object, such as one container; empty for all of it.
    pub field_path: String,
    pub kind: &'static str,
    pub reason: String,
}

/// Which Event an occurrence belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    subject: Subject,
    /// `None` for the Event in which many different messages are combined.
    message: Option<String>,
}

/// What to do with an occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Write a new Event with this message.
    Create { identity: Identity, message: String },
    /// Count up the Event of this name; its message may have changed.
    Count {
        identity: Identity,
        name: String,
        count: i32,
        message: String,
    },
    /// Too many: forget it.
    Drop,
}

/// Remembers what was said. Pure but for its memory: the caller gives the time.
#[derive(Default)]
pub struct Correlator {
    /// Name and count of the Event that an identity has.
    written: Remembered<Identity, (String, i32)>,
    messages: Remembered<Subject, Messages>,
    buckets: Remembered<(String, &'static str), Bucket>,
}

#[derive(Default)]
struct Messages {
    seen: HashSet<String>,
    last: Duration,
}

struct Bucket {
    tokens: f64,
    last: Duration,
}

impl Correlator {
    /// Judges one occurrence: which Event it belongs to, how often that has happened, and only
    /// then whether it is too much to write down. What is dropped has counted.
    pub fn judge(&mut self, subject: Subject, message: String, now: Duration) -> Verdict {
        let bucket = (subject.object.clone(), subject.kind);
        let (identity, message) = self.aggregate(subject, message, now);
        let written = self.written.get_mut(&identity).map(|(name, count)| {
            *count += 1;
            (name.clone(), *count)
        });
        if !self.take_token(bucket, now) {
            return Verdict::Drop;
        }
        match written {
            None => Verdict::Create { identity, message },
            Some((name, count)) => Verdict::Count {
                identity,
                name,
                count,
                message,
            },
        }
    }

    /// Notes the name of a written Event.
    pub fn wrote(&mut self, identity: Identity, name: String) {
        self.written.put(identity, (name, 1));
    }

    fn aggregate(
        &mut self,
        subject: Subject,
        message: String,
        now: Duration,
    ) -> (Identity, String) {
        let messages = self.messages.entry(&subject, Messages::default);
        if now.saturating_sub(messages.last) > AGGREGATE_FOR {
            messages.seen.clear();
        }
        messages.last = now;
        let known = messages.seen.contains(&message);
        if !known && messages.seen.len() >= AGGREGATE_FROM {
            let combined = format!("(combined from similar events): {message}");
            let identity = Identity {
                subject,
                message: None,
            };
            return (identity, combined);
        }
        messages.seen.insert(message.clone());
        let identity = Identity {
            subject,
            message: Some(message.clone()),
        };
        (identity, message)
    }

    fn take_token(&mut self, whose: (String, &'static str), now: Duration) -> bool {
        let full = || Bucket {
            tokens: BURST,
            last: now,
        };
        let bucket = self.buckets.entry(&whose, full);
        let gained = now.saturating_sub(bucket.last).as_secs_f64() / PERIOD.as_secs_f64();
        bucket.tokens = (bucket.tokens + gained).min(BURST);
        bucket.last = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

/// A map that forgets its oldest entry when it is full.
struct Remembered<K, V> {
    entries: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<K: Hash + Eq + Clone, V> Remembered<K, V> {
    fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key)
    }

    fn put(&mut self, key: K, value: V) {
        if self.entries.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        if self.entries.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }

    fn entry(&mut self, key: &K, fresh: impl FnOnce() -> V) -> &mut V {
        if !self.entries.contains_key(key) {
            self.put(key.clone(), fresh());
        }
        self.entries.get_mut(key).expect("the newest is kept")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;

    fn subject(object: &str) -> Subject {
        Subject {
            object: object.to_owned(),
            field_path: String::new(),
            kind: "Warning",
            reason: "BackOff".to_owned(),
        }
    }

    /// One line: what is written, or nothing.
    fn judge(correlator: &mut Correlator, object: &str, message: &str, now: Duration) -> String {
        match correlator.judge(subject(object), message.to_owned(), now) {
            Verdict::Create { identity, message } => {
                correlator.wrote(identity, format!("event-{message}"));
                format!("create {message}")
            }
            Verdict::Count {
                name,
                count,
                message,
                ..
            } => format!("{name} x{count}: {message}"),
            Verdict::Drop => "drop".to_owned(),
        }
    }

    #[test]
    fn a_repeat_counts_up() {
        let mut correlator = Correlator::default();
        let found = [
            judge(&mut correlator, "pod", "x", START),
            judge(&mut correlator, "pod", "x", START),
            judge(&mut correlator, "other", "x", START),
            judge(&mut correlator, "pod", "x", START),
        ];
        let expected = ["create x", "event-x x2: x", "create x", "event-x x3: x"];
        assert_eq!(found, expected);
    }

    #[test]
    fn many_different_messages_become_one_event_that_counts() {
        let mut correlator = Correlator::default();
        for number in 0..10 {
            judge(&mut correlator, "pod", &number.to_string(), START);
        }
        let later = AGGREGATE_FOR + Duration::from_secs(1);
        let found = [
            judge(&mut correlator, "pod", "10", START),
            judge(&mut correlator, "pod", "11", START),
            judge(&mut correlator, "pod", "3", START),
            judge(&mut correlator, "pod", "12", later),
        ];
        let expected = [
            "create (combined from similar events): 10",
            "event-(combined from similar events): 10 x2: (combined from similar events): 11",
            "event-3 x2: 3",
            "create 12",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn spam_is_dropped_until_a_token_comes_but_has_counted() {
        let mut correlator = Correlator::default();
        let found: Vec<_> = (0..30)
            .map(|_| judge(&mut correlator, "pod", "x", START))
            .collect();
        assert_eq!(found.iter().filter(|what| *what == "drop").count(), 5);
        assert_eq!(judge(&mut correlator, "other", "x", START), "create x");
        assert_eq!(judge(&mut correlator, "pod", "x", PERIOD), "event-x x31: x");
        assert_eq!(judge(&mut correlator, "pod", "x", PERIOD), "drop");
    }

    #[test]
    fn memory_is_bounded() {
        let mut correlator = Correlator::default();
        for number in 0..3 * REMEMBERED {
            judge(&mut correlator, &number.to_string(), "x", START);
        }
        let kept = [
            correlator.written.entries.len(),
            correlator.messages.entries.len(),
            correlator.buckets.entries.len(),
        ];
        assert_eq!(kept, [REMEMBERED; 3]);
        assert_eq!(correlator.written.order.len(), REMEMBERED);
    }
}
