//! A metrics registry per component, so that one component's endpoint does not show another's.
//!
//! Entry point: [`Make`]. Who counts holds the handles that it gives: counting is an atomic, and
//! nothing is looked up or allocated on the way.

pub use prometheus::core::{Collector, Desc};
pub use prometheus::proto::MetricFamily;
pub use prometheus::{
    Counter, Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

/// The registry's metrics in Prometheus' text format (version 0.0.4).
#[must_use]
pub fn encode(registry: &Registry) -> String {
    let mut text = String::new();
    prometheus::TextEncoder::new()
        .encode_utf8(&registry.gather(), &mut text)
        .expect("writing to a string cannot fail");
    text
}

/// Makes metrics and registers them. Names, labels and buckets are the program's own: a name that
/// is made twice in a registry is a mistake in it, and panics.
#[derive(Clone, Copy)]
pub struct Make<'a>(pub &'a Registry);

const VALID: &str = "static names and labels are valid, and each is registered once";

impl Make<'_> {
    #[must_use]
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.registered(IntCounterVec::new(Opts::new(name, help), labels))
    }

    #[must_use]
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.registered(IntCounter::new(name, help))
    }

    #[must_use]
    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.registered(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    #[must_use]
    pub fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> HistogramVec {
        let options = prometheus::HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.registered(HistogramVec::new(options, labels))
    }

    #[must_use]
    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = prometheus::HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.registered(Histogram::with_opts(options))
    }

    /// Metrics that are looked up when somebody reads them.
    pub fn looked_up(&self, collector: impl Collector + 'static) {
        self.0.register(Box::new(collector)).expect(VALID);
    }

    fn registered<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let made = made.expect(VALID);
        self.looked_up(made.clone());
        made
    }
}

/// `count` bounds, each `factor` times the one before: upstream's `ExponentialBuckets`.
#[must_use]
pub fn exponential(start: f64, factor: f64, count: usize) -> Vec<f64> {
    std::iter::successors(Some(start), |bound| Some(bound * factor))
        .take(count)
        .collect()
}
