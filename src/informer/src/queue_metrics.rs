//! What queues tell of themselves, under client-go's names.
//!
//! What grows is counted as it happens; what stands (depth, unfinished work) is looked up when
//! somebody reads it, so that no queue needs a timer. What has grown stays when a queue goes; how
//! it stood does not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base::metrics::{
    Collector, Desc, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec,
    Make, MetricFamily, Opts, Registry, exponential,
};

/// The metrics of all queues of a component. Clones share them.
#[derive(Clone)]
pub struct QueueMetrics {
    adds: IntCounterVec,
    retries: IntCounterVec,
    waited: HistogramVec,
    worked: HistogramVec,
    standing: Standing,
}

/// How a queue stands, or all of one name together, in keys and seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Stand {
    pub depth: usize,
    /// Of all keys that are being worked on, added up.
    pub unfinished: f64,
    /// Of the oldest of them.
    pub longest: f64,
}

impl Stand {
    fn add(&mut self, other: Self) {
        self.depth += other.depth;
        self.unfinished += other.unfinished;
        self.longest = self.longest.max(other.longest);
    }
}

/// One queue's handles.
pub(crate) struct Measured {
    pub adds: IntCounter,
    pub retries: IntCounter,
    /// Seconds between a key's addition and its worker.
    pub waited: Histogram,
    /// Seconds a worker had a key.
    pub worked: Histogram,
}

impl QueueMetrics {
    /// Makes them in a component's registry, once.
    #[must_use]
    pub fn new(registry: &Registry) -> Self {
        let make = Make(registry);
        let buckets = exponential(1e-8, 10.0, 10);
        let standing = Standing::new();
        make.looked_up(standing.clone());
        Self {
            adds: make.counters(
                "workqueue_adds_total",
                "[ALPHA] Total number of adds handled by workqueue",
                &["name"],
            ),
            retries: make.counters(
                "workqueue_retries_total",
                "[ALPHA] Total number of retries handled by workqueue",
                &["name"],
            ),
            waited: make.histograms(
                "workqueue_queue_duration_seconds",
                "[ALPHA] How long in seconds an item stays in workqueue before being requested.",
                &["name"],
                &buckets,
            ),
            worked: make.histograms(
                "workqueue_work_duration_seconds",
                "[ALPHA] How long in seconds processing an item from workqueue takes.",
                &["name"],
                &buckets,
            ),
            standing,
        }
    }

    pub(crate) fn of(&self, name: &str) -> Measured {
        Measured {
            adds: self.adds.with_label_values(&[name]),
            retries: self.retries.with_label_values(&[name]),
            waited: self.waited.with_label_values(&[name]),
            worked: self.worked.with_label_values(&[name]),
        }
    }

    /// Asks `look` how the queue stands whenever somebody reads; `None` once the queue is gone.
    pub(crate) fn watch(
        &self,
        name: &str,
        look: impl Fn() -> Option<Stand> + Send + Sync + 'static,
    ) {
        self.standing.watch(name, Box::new(look));
    }
}

type Look = Box<dyn Fn() -> Option<Stand> + Send + Sync>;

struct Watched {
    name: String,
    look: Look,
}

/// Gauges that are set when they are read, for the queues that there are.
#[derive(Clone)]
struct Standing {
    depth: IntGaugeVec,
    unfinished: GaugeVec,
    longest: GaugeVec,
    queues: Arc<Mutex<Vec<Watched>>>,
}

impl Standing {
    fn new() -> Self {
        let gauges = |name: &str, help: &str| {
            GaugeVec::new(Opts::new(name, help), &["name"]).expect("a valid name and label")
        };
        let depth = Opts::new("workqueue_depth", "[ALPHA] Current depth of workqueue");
        Self {
            depth: IntGaugeVec::new(depth, &["name"]).expect("a valid name and label"),
            unfinished: gauges(
                "workqueue_unfinished_work_seconds",
                "[ALPHA] How many seconds of work has done that is in progress and hasn't been \
                 observed by work_duration. Large values indicate stuck threads. One can deduce \
                 the number of stuck threads by observing the rate at which this increases.",
            ),
            longest: gauges(
                "workqueue_longest_running_processor_seconds",
                "[ALPHA] How many seconds has the longest running processor for workqueue been \
                 running.",
            ),
            queues: Arc::default(),
        }
    }

    fn watch(&self, name: &str, look: Look) {
        let name = name.to_owned();
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are gone are let go even where nobody reads.
        queues.retain(|queue| (queue.look)().is_some());
        queues.push(Watched { name, look });
    }

    /// How the queues of each name stand; forgets those that are gone.
    fn stands(queues: &mut Vec<Watched>) -> BTreeMap<String, Stand> {
        let mut stands = BTreeMap::<String, Stand>::new();
        queues.retain(|queue| {
            let stand = (queue.look)();
            if let Some(stand) = stand {
                stands.entry(queue.name.clone()).or_default().add(stand);
            }
            stand.is_some()
        });
        stands
    }
}

impl Collector for Standing {
    fn desc(&self) -> Vec<&Desc> {
        let mut all = self.depth.desc();
        all.extend(self.unfinished.desc());
        all.extend(self.longest.desc());
        all
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // Held to the end: another reader would reset what is being read.
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        self.depth.reset();
        self.unfinished.reset();
        self.longest.reset();
        for (name, stand) in Self::stands(&mut queues) {
            let labels = [&*name];
            let depth = i64::try_from(stand.depth).unwrap_or(i64::MAX);
            self.depth.with_label_values(&labels).set(depth);
            let unfinished = self.unfinished.with_label_values(&labels);
            unfinished.set(stand.unfinished);
            self.longest.with_label_values(&labels).set(stand.longest);
        }
        let mut all = self.depth.collect();
        all.extend(self.unfinished.collect());
        all.extend(self.longest.collect());
        all
    }
}
