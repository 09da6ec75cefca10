//! What the scheduler counts and measures, under upstream's names.

use std::time::Duration;

use base::metrics::{
    Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, Make, Registry, exponential,
};

use crate::effects::NAME;

/// From this on, tries are not told apart.
const MANY_TRIES: u32 = 15;

/// How a try to schedule a pod ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Scheduled,
    Unschedulable,
    Error,
}

/// Where pods wait, as upstream's metrics know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    Active,
    Backoff,
    Unschedulable,
    Gated,
}

impl Waiting {
    const ALL: [(Self, &str); 4] = [
        (Self::Active, "active"),
        (Self::Backoff, "backoff"),
        (Self::Unschedulable, "unschedulable"),
        (Self::Gated, "gated"),
    ];
}

/// A pod's tries until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    pub count: u32,
    /// When the first began, by the monotonic clock.
    pub since: Duration,
}

/// Clones share them.
#[derive(Clone)]
pub struct Metrics {
    /// By [`Outcome`].
    attempts: [(IntCounter, Histogram); 3],
    algorithm: Histogram,
    tries: Histogram,
    scheduled_after: HistogramVec,
    /// By [`Waiting`].
    pending: [IntGauge; 4],
    incoming: IntCounterVec,
    /// Searches for room at other pods' cost.
    pub preemptions: IntCounter,
    victims: Histogram,
}

impl Metrics {
    pub fn new(registry: &Registry) -> Self {
        let make = Make(registry);
        let attempts = make.counters(
            "scheduler_schedule_attempts_total",
            "[STABLE] Number of attempts to schedule pods, by the result. 'unschedulable' means a \
             pod could not be scheduled, while 'error' means an internal scheduler problem.",
            &["profile", "result"],
        );
        let durations = make.histograms(
            "scheduler_scheduling_attempt_duration_seconds",
            "[STABLE] Scheduling attempt latency in seconds (scheduling algorithm + binding)",
            &["profile", "result"],
            &exponential(0.001, 2.0, 15),
        );
        let pending = make.gauges(
            "scheduler_pending_pods",
            "[STABLE] Number of pending pods, by the queue type. 'active' means number of pods in \
             activeQ; 'backoff' means number of pods in backoffQ; 'unschedulable' means number of \
             pods in unschedulablePods that the scheduler attempted to schedule and failed; \
             'gated' is the number of unschedulable pods that the scheduler never attempted to \
             schedule because they are gated.",
            &["queue"],
        );
        Self {
            attempts: ["scheduled", "unschedulable", "error"].map(|result| {
                let labels = [NAME, result];
                (
                    attempts.with_label_values(&labels),
                    durations.with_label_values(&labels),
                )
            }),
            algorithm: make.histogram(
                "scheduler_scheduling_algorithm_duration_seconds",
                "[ALPHA] Scheduling algorithm latency in seconds",
                &exponential(0.001, 2.0, 15),
            ),
            tries: make.histogram(
                "scheduler_pod_scheduling_attempts",
                "[STABLE] Number of attempts to successfully schedule a pod.",
                &exponential(1.0, 2.0, 5),
            ),
            scheduled_after: make.histograms(
                "scheduler_pod_scheduling_sli_duration_seconds",
                "[BETA] E2e latency for a pod being scheduled, from the time the pod enters the \
                 scheduling queue and might involve multiple scheduling attempts.",
                &["attempts"],
                &exponential(0.01, 2.0, 20),
            ),
            pending: Waiting::ALL.map(|(_, queue)| pending.with_label_values(&[queue])),
            incoming: make.counters(
                "scheduler_queue_incoming_pods_total",
                "[STABLE] Number of pods added to scheduling queues by event and queue type.",
                &["event", "queue"],
            ),
            preemptions: make.counter(
                "scheduler_preemption_attempts_total",
                "[STABLE] Total preemption attempts in the cluster till now",
            ),
            victims: make.histogram(
                "scheduler_preemption_victims",
                "[STABLE] Number of selected preemption victims",
                &exponential(1.0, 2.0, 7),
            ),
        }
    }

    /// A try is over: decided, and bound where it was to be.
    pub fn tried(&self, outcome: Outcome, took: Duration) {
        let (attempts, durations) = &self.attempts[outcome as usize];
        attempts.inc();
        durations.observe(took.as_secs_f64());
    }

    /// A decision was made.
    pub fn decided(&self, took: Duration) {
        self.algorithm.observe(took.as_secs_f64());
    }

    /// A pod is bound, after these tries.
    pub fn bound(&self, tries: Tries, now: Duration) {
        self.tries.observe(f64::from(tries.count));
        let count = match tries.count {
            MANY_TRIES.. => format!("{MANY_TRIES}+"),
            count => count.to_string(),
        };
        let took = now.saturating_sub(tries.since);
        let durations = self.scheduled_after.with_label_values(&[&count]);
        durations.observe(took.as_secs_f64());
    }

    /// A pod has begun to wait somewhere, because of an event by upstream's name.
    pub fn entered(&self, queue: Waiting, event: &str) {
        let (_, name) = Waiting::ALL[queue as usize];
        self.incoming.with_label_values(&[event, name]).inc();
        self.pending[queue as usize].inc();
    }

    /// A pod waits there no more.
    pub fn left(&self, queue: Waiting) {
        self.pending[queue as usize].dec();
    }

    /// Room is to be made at the cost of so many pods.
    pub fn evicts(&self, victims: usize) {
        #[expect(clippy::cast_precision_loss, reason = "a node has few pods")]
        self.victims.observe(victims as f64);
    }
}
