//! How long admission takes, measured around the whole chain.

use std::sync::Arc;
use std::time::Duration;

use apimachinery::admission::{Attributes, Operation, Plugin};
use apimachinery::{Object, StatusError};
use base::Clock;
use base::metrics::Histogram;
use futures::future::BoxFuture;

use super::Make;

/// The admission chain with a stopwatch.
pub(crate) struct Timed {
    chain: Arc<dyn Plugin>,
    clock: Clock,
    steps: Vec<(Operation, [[Histogram; 2]; 2])>,
}

const OPERATIONS: [(Operation, &str); 4] = [
    (Operation::Create, "CREATE"),
    (Operation::Update, "UPDATE"),
    (Operation::Delete, "DELETE"),
    (Operation::Connect, "CONNECT"),
];

impl Timed {
    pub fn new(chain: Arc<dyn Plugin>, clock: Clock, make: &Make<'_>) -> Self {
        let all = make.histograms(
            "apiserver_admission_step_admission_duration_seconds",
            "[STABLE] Admission sub-step latency histogram in seconds, broken out for each \
             operation and API resource and step type (validate or admit).",
            &["operation", "rejected", "type"],
            &[0.005, 0.025, 0.1, 0.5, 1.0, 2.5],
        );
        let of = |operation: &str| {
            ["admit", "validate"].map(|kind| {
                ["false", "true"]
                    .map(|rejected| all.with_label_values(&[operation, rejected, kind]))
            })
        };
        Self {
            chain,
            clock,
            steps: OPERATIONS
                .map(|(operation, name)| (operation, of(name)))
                .into(),
        }
    }

    fn observe(&self, operation: Operation, step: usize, refused: bool, took: Duration) {
        let found = self.steps.iter().find(|(known, _)| *known == operation);
        if let Some((_, histograms)) = found {
            histograms[step][usize::from(refused)].observe(took.as_secs_f64());
        }
    }
}

impl Plugin for Timed {
    fn name(&self) -> &'static str {
        self.chain.name()
    }

    fn mutate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        object: &'a mut Object,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let started = self.clock.monotonic();
            let outcome = self.chain.mutate(attributes, object).await;
            let took = self.clock.monotonic().saturating_sub(started);
            self.observe(attributes.operation, 0, outcome.is_err(), took);
            outcome
        })
    }

    fn validate<'a>(
        &'a self,
        attributes: &'a Attributes<'a>,
        object: Option<&'a Object>,
    ) -> BoxFuture<'a, Result<(), StatusError>> {
        Box::pin(async move {
            let started = self.clock.monotonic();
            let outcome = self.chain.validate(attributes, object).await;
            let took = self.clock.monotonic().saturating_sub(started);
            self.observe(attributes.operation, 1, outcome.is_err(), took);
            outcome
        })
    }
}
