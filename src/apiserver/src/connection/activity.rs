//! Whether anything goes on on a connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Clock;

/// A connection without a request is closed after this time (Go's IdleTimeout in upstream).
pub const IDLE: Duration = Duration::from_secs(90);
/// The first request must come within this time (upstream's ReadHeaderTimeout).
const FIRST: Duration = Duration::from_secs(32);

/// Requests and answers that are under way.
pub struct Activity {
    clock: Clock,
    inner: Mutex<Inner>,
}

struct Inner {
    under_way: usize,
    /// When the last one ended, or the connection began.
    idle_since: Duration,
    patience: Duration,
    /// By when large answers must have been taken.
    deadlines: Vec<(u64, Duration)>,
    next: u64,
}

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Look again then.
    Alive {
        until: Duration,
    },
    Idle,
    /// The client does not take an answer.
    Stalled,
}

/// A request, and then its answer's body.
pub struct Busy {
    activity: Arc<Activity>,
    delivery: Option<u64>,
}

impl Activity {
    pub fn new(clock: Clock) -> Self {
        let inner = Inner {
            under_way: 0,
            idle_since: clock.monotonic(),
            patience: FIRST,
            deadlines: Vec::new(),
            next: 0,
        };
        Self {
            clock,
            inner: Mutex::new(inner),
        }
    }

    /// When [`Activity::judge`] is worth asking first.
    pub fn first_look(&self) -> Duration {
        self.clock.monotonic() + FIRST
    }

    pub fn enter(self: &Arc<Self>) -> Busy {
        let mut inner = self.lock();
        inner.under_way += 1;
        inner.patience = IDLE;
        Busy {
            activity: self.clone(),
            delivery: None,
        }
    }

    pub fn judge(&self) -> Verdict {
        let now = self.clock.monotonic();
        let inner = self.lock();
        let deadline = inner.deadlines.iter().map(|(_, deadline)| *deadline).min();
        if deadline.is_some_and(|deadline| deadline <= now) {
            return Verdict::Stalled;
        }
        let until = if inner.under_way > 0 {
            now + IDLE
        } else {
            inner.idle_since + inner.patience
        };
        if until <= now {
            return Verdict::Idle;
        }
        Verdict::Alive {
            until: deadline.map_or(until, |deadline| until.min(deadline)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Busy {
    /// The answer, or its next piece, must have been taken after this time. It is looked at every [`IDLE`], so that
    /// it may last so much longer.
    pub fn must_end_within(&mut self, time: Duration) {
        let deadline = self.activity.clock.monotonic() + time;
        let mut inner = self.activity.lock();
        let known = self.delivery;
        let known = inner
            .deadlines
            .iter_mut()
            .find(|(id, _)| Some(*id) == known);
        if let Some((_, known)) = known {
            *known = deadline;
            return;
        }
        let id = inner.next;
        inner.next += 1;
        inner.deadlines.push((id, deadline));
        self.delivery = Some(id);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let now = self.activity.clock.monotonic();
        let mut inner = self.activity.lock();
        inner.under_way -= 1;
        inner.idle_since = now;
        if let Some(delivery) = self.delivery {
            inner.deadlines.retain(|(id, _)| *id != delivery);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn idle_and_stalled_connections_are_told_apart_from_busy_ones() {
        let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
        let activity = Arc::new(Activity::new(clock));
        let seconds = Duration::from_secs;
        let alive = |until| Verdict::Alive {
            until: seconds(until),
        };
        hands.advance(seconds(31));
        assert_eq!(activity.judge(), alive(32));
        hands.advance(seconds(1));
        assert_eq!(activity.judge(), Verdict::Idle, "no first request");

        let watch = activity.enter();
        hands.advance(seconds(1000));
        assert_eq!(activity.judge(), alive(1032 + 90), "a watch may last");
        let mut list = activity.enter();
        list.must_end_within(seconds(60));
        assert_eq!(activity.judge(), alive(1032 + 60));
        hands.advance(seconds(60));
        assert_eq!(activity.judge(), Verdict::Stalled, "nobody takes the list");
        drop(list);
        assert_eq!(activity.judge(), alive(1092 + 90));
        drop(watch);
        hands.advance(seconds(89));
        assert_eq!(activity.judge(), alive(1092 + 90));
        hands.advance(seconds(1));
        assert_eq!(activity.judge(), Verdict::Idle);
    }
}
