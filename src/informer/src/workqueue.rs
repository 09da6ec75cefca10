//! Keys that wait for work, with client-go's properties: fair, never two workers on one key,
//! many additions one run, an addition during a run one more run, delays and back-off.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::{Clock, TraceId};
use tokio::sync::Notify;

use crate::key::Key;
use crate::queue_metrics::{Measured, QueueMetrics, Stand};

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
    /// Waiting or to be run again; the trace of the last addition, the time of the first.
    dirty: HashMap<Key, Since>,
    /// What workers have, since when, and on which trace: a retry goes on with it.
    processing: HashMap<Key, Since>,
    /// Times and keys; an entry counts only while `due` names the same time for its key.
    delayed: BinaryHeap<Reverse<(Duration, Key)>>,
    /// When each delayed key is due, the earliest time asked for, and its trace.
    due: HashMap<Key, (Duration, TraceId)>,
    failures: HashMap<Key, u32>,
    closed: bool,
    measured: Option<Measured>,
}

#[derive(Clone, Copy)]
struct Since {
    trace: TraceId,
    at: Duration,
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

    /// A queue that tells how it stands, and how long its keys wait and take, under this name.
    /// Queues of one name tell it together.
    #[must_use]
    pub fn measured(clock: Clock, metrics: &QueueMetrics, name: &str) -> Self {
        let queue = Self::new(clock.clone());
        queue.lock().measured = Some(metrics.of(name));
        let state = Arc::downgrade(&queue.state);
        metrics.watch(name, move || {
            let state = state.upgrade()?;
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            Some(state.stand(clock.monotonic()))
        });
        queue
    }

    /// Adds a key. While it waits already, only its trace is renewed.
    pub fn add(&self, key: Key, trace: TraceId) {
        let now = self.clock.monotonic();
        let mut state = self.lock();
        if !state.closed && state.mark(key, Since { trace, at: now }) {
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
            if state.closed {
                return;
            }
            if let Some(measured) = &state.measured {
                measured.retries.inc();
            }
            if state.due.get(&key).is_some_and(|(due, _)| *due <= at) {
                return;
            }
            let taken = state.processing.get(&key);
            let trace = taken.map(|taken| taken.trace).unwrap_or_default();
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
                let now = self.clock.monotonic();
                state.release(now);
                if let Some(taken) = state.take(now) {
                    if !state.ready.is_empty() {
                        // Another worker may be waiting.
                        self.news.notify_one();
                    }
                    return Some(taken);
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
        let taken = state.processing.remove(key);
        if let (Some(taken), Some(measured)) = (taken, &state.measured) {
            let took = self.clock.monotonic().saturating_sub(taken.at);
            measured.worked.observe(took.as_secs_f64());
        }
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
    /// Notes that a key is to be run; true when it has become ready by that.
    fn mark(&mut self, key: Key, since: Since) -> bool {
        if let Some(waiting) = self.dirty.get_mut(&key) {
            waiting.trace = since.trace;
            return false;
        }
        if let Some(measured) = &self.measured {
            measured.adds.inc();
        }
        self.dirty.insert(key.clone(), since);
        let is_free = !self.processing.contains_key(&key);
        if is_free {
            self.ready.push_back(key);
        }
        is_free
    }

    /// Hands the first ready key to a worker.
    fn take(&mut self, now: Duration) -> Option<(Key, TraceId)> {
        let key = self.ready.pop_front()?;
        let waited = self.dirty.remove(&key);
        let trace = waited.map(|waited| waited.trace).unwrap_or_default();
        if let (Some(waited), Some(measured)) = (waited, &self.measured) {
            let waited = now.saturating_sub(waited.at);
            measured.waited.observe(waited.as_secs_f64());
        }
        self.processing
            .insert(key.clone(), Since { trace, at: now });
        Some((key, trace))
    }

    fn stand(&self, now: Duration) -> Stand {
        let ages = self.processing.values();
        let ages = ages.map(|taken| now.saturating_sub(taken.at).as_secs_f64());
        Stand {
            depth: self.dirty.len(),
            unfinished: ages.clone().sum(),
            longest: ages.fold(0.0, f64::max),
        }
    }

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
            // What waits already keeps the trace of the news that it waits with.
            if !self.dirty.contains_key(&key) {
                self.mark(key, Since { trace, at: now });
            }
        }
    }
}

#[cfg(test)]
mod tests;
