//! The task that probes one run of a container until it ends.

use std::sync::Arc;
use std::time::Duration;

use api::core::{Pod, Probe};
use futures::future::join;
use informer::EventType;
use tokio::sync::watch;

use super::check::{Report, Subject};
use super::probes::Results;
use super::tally::{Outcome, Tally};
use super::{Kind, Verdict};

/// One run, and what is known of it when probing begins.
pub struct Task {
    pub subject: Subject,
    pub pod: Arc<Pod>,
    pub results: Arc<Results>,
    /// What holds until there are results.
    pub initial: Verdict,
    /// How long its process has run when probing begins.
    pub age: Duration,
    /// It ran before this kubelet did: first probes are spread over a period.
    pub found_running: bool,
    /// Turns true when the pod is being deleted: then only readiness is asked.
    pub ending: watch::Receiver<bool>,
}

impl Task {
    pub async fn run(self) {
        if let Some(probe) = Kind::Startup.of(&self.subject.container)
            && !self.initial.started
            && !self.unless_ending(self.watch(Kind::Startup, probe)).await
        {
            return;
        }
        let liveness = async {
            if let Some(probe) = Kind::Liveness.of(&self.subject.container) {
                self.unless_ending(self.watch(Kind::Liveness, probe)).await;
            }
        };
        let readiness = async {
            if let Some(probe) = Kind::Readiness.of(&self.subject.container) {
                self.watch(Kind::Readiness, probe).await;
            }
        };
        join(liveness, readiness).await;
    }

    /// Its last result; false when the pod's deletion came first.
    async fn unless_ending(&self, watching: impl Future<Output = bool>) -> bool {
        let mut ending = self.ending.clone();
        tokio::select! {
            success = watching => success,
            // A closed channel is the pod worker's end.
            _ = ending.wait_for(|ending| *ending) => false,
        }
    }

    /// Asks each period until nothing more is to be asked; gives the last result.
    async fn watch(&self, kind: Kind, probe: &Probe) -> bool {
        let clock = &self.subject.shared.clock;
        let period = seconds(probe.period_seconds.unwrap_or(10)).max(Duration::from_secs(1));
        let mut tally = Tally::new(kind, probe);
        let mut next = self.first(probe, period);
        loop {
            clock.sleep_until(next).await;
            let report = self.subject.ask(probe).await;
            self.tell(kind, &report);
            if let Some(result) = tally.count(report.outcome) {
                self.results.set(&self.subject.id, kind, result.success);
                if result.last {
                    return result.success;
                }
            }
            next = (next + period).max(clock.monotonic());
        }
    }

    /// When to ask first.
    fn first(&self, probe: &Probe, period: Duration) -> Duration {
        let now = self.subject.shared.clock.monotonic();
        let spread = if self.found_running {
            period.mul_f64(base::random::fraction())
        } else {
            Duration::ZERO
        };
        let delay = seconds(probe.initial_delay_seconds.unwrap_or(0));
        now + spread.max(delay.saturating_sub(self.age))
    }

    fn tell(&self, kind: Kind, report: &Report) {
        let (title, text) = (kind.title(), &report.text);
        let (reason, text) = match report.outcome {
            Outcome::Success if report.warning => {
                ("ProbeWarning", format!("{title} probe warning: {text}"))
            }
            Outcome::Success => return,
            Outcome::Failure => ("Unhealthy", format!("{title} probe failed: {text}")),
            Outcome::Unknown => (
                "Unhealthy",
                format!("{title} probe errored and resulted in unknown state: {text}"),
            ),
        };
        let container = Some(self.subject.container.name.as_str());
        let events = &self.subject.shared.events;
        events.event(&self.pod, container, EventType::Warning, reason, &text);
    }
}

fn seconds(seconds: i32) -> Duration {
    Duration::from_secs(u64::from(seconds.max(0).unsigned_abs()))
}
