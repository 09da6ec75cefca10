//! Keys that wait for work, with client-go's properties: fair, never two workers on one key,
//! many additions one run, an addition during a run one more run, delays and back-off.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{Clock, TraceId};
use tokio::sync::Notify;

use crate::key::Key;

/// The first retry of a failing key, doubled to the last.
const FIRST_RETRY: Duration = Duration::from_millis(5);
const LAST_RETRY: Duration = Duration::from_secs(1000);

/// A cheap handle; clones share the queue.
#[derive(Clone)]
pub struct WorkQueue {
    state: Arc<Mutex<State>>,
    /// Something is ready, or the earliest delay has changed.
    news: Arc<Notify>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Key>,
    /// Waiting or to be run again; the trace of the last addition.
    dirty: HashMap<Key, TraceId>,
    /// What workers have, and on which trace: a retry goes on with it.
    processing: HashMap<Key, TraceId>,
    /// Times and keys; an entry counts only while `due` names the same time for its key.
    delayed: BinaryHeap<Reverse<(Duration, Key)>>,
    /// When each delayed key is due, the earliest time asked for, and its trace.
    due: HashMap<Key, (Duration, TraceId)>,
    failures: HashMap<Key, u32>,
    closed: bool,
}

impl WorkQueue {
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            state: Arc::default(),
            news: Arc::default(),
            clock,
        }
    }

    /// Adds a key. While it waits already, only its trace is renewed.
    pub fn add(&self, key: Key, trace: TraceId) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let waits = state.dirty.insert(key.clone(), trace).is_some();
        if !waits && !state.processing.contains_key(&key) {
            state.ready.push_back(key);
            drop(state);
            self.news.notify_one();
        }
    }

    /// Adds a key once `delay` has passed. Of several delays of one key the earliest counts.
    /// A worker's own key keeps the trace that it came with.
    pub fn add_after(&self, key: Key, delay: Duration) {
        let at = self.clock.monotonic().saturating_add(delay);
        {
            let mut state = self.lock();
            if state.closed || state.due.get(&key).is_some_and(|(due, _)| *due <= at) {
                return;
            }
            let trace = state.processing.get(&key).copied().unwrap_or_default();
            state.due.insert(key.clone(), (at, trace));
            state.delayed.push(Reverse((at, key)));
        }
        self.news.notify_one();
    }

    /// Adds a key after its own back-off, which grows with each failure.
    pub fn add_rate_limited(&self, key: Key) {
        let failures = {
            let mut state = self.lock();
            let failures = state.failures.entry(key.clone()).or_default();
            *failures += 1;
            *failures
        };
        let delay = FIRST_RETRY.saturating_mul(1 << failures.saturating_sub(1).min(20));
        self.add_after(key, delay.min(LAST_RETRY));
    }

    /// A key succeeded: its next failure starts over.
    pub fn forget(&self, key: &Key) {
        self.lock().failures.remove(key);
    }

    /// The next key, whose worker must call [`WorkQueue::done`]; `None` once the queue is closed
    /// and empty.
    pub async fn next(&self) -> Option<(Key, TraceId)> {
        loop {
            let news = self.news.notified();
            let wake_at = {
                let mut state = self.lock();
                state.release(self.clock.monotonic());
                if let Some(key) = state.ready.pop_front() {
                    let trace = state.dirty.remove(&key).unwrap_or_default();
                    state.processing.insert(key.clone(), trace);
                    if !state.ready.is_empty() {
                        // Another worker may be waiting.
                        self.news.notify_one();
                    }
                    return Some((key, trace));
                }
                if state.closed {
                    self.news.notify_one();
                    return None;
                }
                state.delayed.peek().map(|Reverse((at, _))| *at)
            };
            match wake_at {
                None => news.await,
                Some(at) => tokio::select! {
                    () = news => {}
                    () = self.clock.sleep_until(at) => {}
                },
            }
        }
    }

    /// A worker has finished with a key; an addition meanwhile makes it ready again.
    pub fn done(&self, key: &Key) {
        let mut state = self.lock();
        state.processing.remove(key);
        if state.dirty.contains_key(key) {
            state.ready.push_back(key.clone());
            drop(state);
            self.news.notify_one();
        }
    }

    /// Refuses additions and lets workers end once what is ready is done.
    pub fn close(&self) {
        self.lock().closed = true;
        self.news.notify_one();
    }

    /// Keys that are ready.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().ready.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Makes ready what has waited long enough.
    fn release(&mut self, now: Duration) {
        while let Some(Reverse((at, _))) = self.delayed.peek()
            && *at <= now
        {
            let Some(Reverse((_, key))) = self.delayed.pop() else {
                return;
            };
            let Some((_, trace)) = self.due.get(&key).filter(|(due, _)| *due <= now).copied()
            else {
                // Overtaken by an earlier time, which has run.
                continue;
            };
            self.due.remove(&key);
            if self.dirty.contains_key(&key) {
                continue;
            }
            self.dirty.insert(key.clone(), trace);
            if !self.processing.contains_key(&key) {
                self.ready.push_back(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn key(name: &str) -> Key {
        Key::new("n", name)
    }

    fn queue() -> (WorkQueue, base::clock::Hands) {
        let (clock, hands) = Clock::manual(Timestamp::UNIX_EPOCH);
        (WorkQueue::new(clock), hands)
    }

    fn try_next(queue: &WorkQueue) -> Option<String> {
        use futures::FutureExt;
        queue
            .next()
            .now_or_never()
            .flatten()
            .map(|(key, _)| key.name.to_string())
    }

    #[test]
    fn many_additions_are_one_run_and_one_more_during_it() {
        let (queue, _) = queue();
        for name in ["a", "b", "a"] {
            queue.add(key(name), TraceId::NONE);
        }
        assert_eq!(try_next(&queue).as_deref(), Some("a"));
        queue.add(key("a"), TraceId::NONE);
        queue.add(key("a"), TraceId::NONE);
        assert_eq!(try_next(&queue).as_deref(), Some("b"));
        assert_eq!(try_next(&queue), None, "a is being worked on");
        queue.done(&key("a"));
        assert_eq!(try_next(&queue).as_deref(), Some("a"));
        queue.done(&key("a"));
        assert_eq!(try_next(&queue), None);
    }

    #[test]
    fn delays_and_back_off() {
        let (queue, hands) = queue();
        queue.add_rate_limited(key("a"));
        queue.add_rate_limited(key("b"));
        queue.add_rate_limited(key("b"));
        assert_eq!(try_next(&queue), None);
        hands.advance(Duration::from_millis(5));
        let first: Vec<_> = std::iter::from_fn(|| try_next(&queue)).collect();
        assert_eq!(first, ["a", "b"]);
        queue.done(&key("b"));
        queue.add_rate_limited(key("b"));
        hands.advance(Duration::from_millis(19));
        assert_eq!(try_next(&queue), None, "the third failure waits 20 ms");
        hands.advance(Duration::from_millis(1));
        assert_eq!(try_next(&queue).as_deref(), Some("b"));
        queue.forget(&key("b"));
        queue.done(&key("b"));
        queue.add_rate_limited(key("b"));
        hands.advance(Duration::from_millis(5));
        assert_eq!(try_next(&queue).as_deref(), Some("b"));
    }

    #[test]
    fn of_several_delays_the_earliest_counts_once() {
        let (queue, hands) = queue();
        for seconds in [30, 10, 20] {
            queue.add_after(key("a"), Duration::from_secs(seconds));
        }
        hands.advance(Duration::from_secs(10));
        assert_eq!(try_next(&queue).as_deref(), Some("a"));
        queue.done(&key("a"));
        hands.advance(Duration::from_secs(30));
        assert_eq!(try_next(&queue), None);
    }

    #[tokio::test]
    async fn a_retry_keeps_its_trace_until_news_bring_another() {
        let (queue, hands) = queue();
        let (first, second) = (TraceId::from_bits(1), TraceId::from_bits(2));
        queue.add(key("a"), first);
        assert_eq!(queue.next().await, Some((key("a"), first)));
        queue.add_rate_limited(key("a"));
        queue.done(&key("a"));
        hands.advance(Duration::from_millis(5));
        assert_eq!(queue.next().await, Some((key("a"), first)));
        queue.add_rate_limited(key("a"));
        queue.add(key("a"), second);
        queue.done(&key("a"));
        hands.advance(Duration::from_millis(10));
        assert_eq!(queue.next().await, Some((key("a"), second)));
        queue.done(&key("a"));
        assert_eq!(try_next(&queue), None, "the retry was the same run");
    }

    /// Twenty workers on one queue: each key is run as often as asked for and never by two.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_key_is_with_two_workers_and_none_is_lost() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let queue = WorkQueue::new(Clock::system());
        let busy: Arc<Vec<AtomicUsize>> = Arc::new((0..10).map(|_| AtomicUsize::new(0)).collect());
        let last: Arc<Vec<AtomicUsize>> = Arc::new((0..10).map(|_| AtomicUsize::new(0)).collect());
        let workers = (0..20).map(|_| {
            let (queue, busy, last) = (queue.clone(), busy.clone(), last.clone());
            tokio::spawn(async move {
                while let Some((key, trace)) = queue.next().await {
                    let at: usize = key.name.parse().expect("a number");
                    assert_eq!(busy[at].fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    let round = usize::try_from(trace.to_bits()).expect("small");
                    last[at].fetch_max(round, Ordering::SeqCst);
                    busy[at].fetch_sub(1, Ordering::SeqCst);
                    queue.done(&key);
                }
            })
        });
        let workers: Vec<_> = workers.collect();
        for round in 1..=2000_u64 {
            for name in 0..10 {
                queue.add(key(&name.to_string()), TraceId::from_bits(round));
            }
            tokio::task::yield_now().await;
        }
        queue.close();
        for worker in workers {
            worker.await.expect("no key was with two workers");
        }
        let seen: Vec<_> = last.iter().map(|l| l.load(Ordering::SeqCst)).collect();
        assert_eq!(seen, [2000; 10], "the last addition is always run");
    }

    #[tokio::test]
    async fn a_closed_queue_drains_and_ends() {
        let (queue, _) = queue();
        queue.add(key("a"), TraceId::NONE);
        queue.close();
        queue.add(key("b"), TraceId::NONE);
        assert_eq!(queue.next().await.map(|(key, _)| key), Some(key("a")));
        assert_eq!(queue.next().await, None);
        assert_eq!(queue.next().await, None);
    }
}
