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

/// What an event is about and says; equal ones are one Event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sameness {
    /// Object, field path and source.
    pub about: String,
    pub kind: &'static str,
    pub reason: String,
    pub message: String,
}

/// What to do with an occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Write a new Event with this message.
    Create { same: Sameness },
    /// Count up the Event of this name.
    Count {
        name: String,
        count: i32,
        same: Sameness,
    },
    /// Too many: forget it.
    Drop,
}

/// Remembers what was said. Pure but for its memory: the caller gives the time.
#[derive(Default)]
pub struct Correlator {
    written: Remembered<Sameness, (String, i32)>,
    messages: Remembered<(String, &'static str, String), Messages>,
    buckets: Remembered<String, Bucket>,
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
    /// Judges one occurrence.
    pub fn judge(&mut self, occurrence: Sameness, now: Duration) -> Verdict {
        let same = self.aggregate(occurrence, now);
        if !self.take_token(&same.about, now) {
            return Verdict::Drop;
        }
        match self.written.get_mut(&same) {
            Some((name, count)) => {
                *count += 1;
                Verdict::Count {
                    name: name.clone(),
                    count: *count,
                    same,
                }
            }
            None => Verdict::Create { same },
        }
    }

    /// Notes the name of a written Event.
    pub fn wrote(&mut self, same: Sameness, name: String, count: i32) {
        self.written.put(same, (name, count));
    }

    /// An Event is gone (its time to live is up): the next occurrence makes a new one.
    pub fn forget(&mut self, same: &Sameness) {
        self.written.remove(same);
    }

    fn aggregate(&mut self, mut same: Sameness, now: Duration) -> Sameness {
        let key = (same.about.clone(), same.kind, same.reason.clone());
        if self.messages.get_mut(&key).is_none() {
            self.messages.put(key.clone(), Messages::default());
        }
        let Some(messages) = self.messages.get_mut(&key) else {
            return same;
        };
        if now.saturating_sub(messages.last) > AGGREGATE_FOR {
            messages.seen.clear();
        }
        messages.last = now;
        if messages.seen.len() < AGGREGATE_FROM {
            messages.seen.insert(same.message.clone());
        } else if !messages.seen.contains(&same.message) {
            same.message = format!("(combined from similar events): {}", same.message);
        }
        same
    }

    fn take_token(&mut self, about: &str, now: Duration) -> bool {
        if self.buckets.get_mut(&about.to_owned()).is_none() {
            self.buckets.put(
                about.to_owned(),
                Bucket {
                    tokens: BURST,
                    last: now,
                },
            );
        }
        let Some(bucket) = self.buckets.get_mut(&about.to_owned()) else {
            return true;
        };
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
        while self.entries.len() > REMEMBERED {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            self.entries.remove(&oldest);
        }
    }

    fn remove(&mut self, key: &K) {
        self.entries.remove(key);
        self.order.retain(|known| known != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(about: &str, message: &str) -> Sameness {
        Sameness {
            about: about.to_owned(),
            kind: "Warning",
            reason: "BackOff".to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn a_repeat_counts_up_and_a_lost_event_is_made_anew() {
        let mut correlator = Correlator::default();
        let one = same("pod", "x");
        let create = Verdict::Create { same: one.clone() };
        assert_eq!(correlator.judge(one.clone(), Duration::ZERO), create);
        correlator.wrote(one.clone(), "pod.1".into(), 1);
        assert_eq!(
            correlator.judge(one.clone(), Duration::ZERO),
            Verdict::Count {
                name: "pod.1".into(),
                count: 2,
                same: one.clone()
            }
        );
        correlator.forget(&one);
        assert_eq!(correlator.judge(one.clone(), Duration::ZERO), create);
    }

    #[test]
    fn many_different_messages_become_one() {
        let mut correlator = Correlator::default();
        for number in 0..10 {
            correlator.judge(same("pod", &number.to_string()), Duration::ZERO);
        }
        let Verdict::Create { same: combined } =
            correlator.judge(same("pod", "10"), Duration::ZERO)
        else {
            panic!("an event");
        };
        assert_eq!(combined.message, "(combined from similar events): 10");
        let later = AGGREGATE_FOR + Duration::from_secs(1);
        let again = correlator.judge(same("pod", "11"), later);
        assert_eq!(
            again,
            Verdict::Create {
                same: same("pod", "11")
            }
        );
    }

    #[test]
    fn spam_is_dropped_until_a_token_comes() {
        let mut correlator = Correlator::default();
        let dropped = (0..30)
            .filter(|_| correlator.judge(same("pod", "x"), Duration::ZERO) == Verdict::Drop)
            .count();
        assert_eq!(dropped, 5);
        assert_ne!(
            correlator.judge(same("other", "x"), Duration::ZERO),
            Verdict::Drop
        );
        assert_ne!(correlator.judge(same("pod", "x"), PERIOD), Verdict::Drop);
        assert_eq!(correlator.judge(same("pod", "x"), PERIOD), Verdict::Drop);
    }
}
