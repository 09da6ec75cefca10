//! What the server counts and measures, under upstream's names.
//!
//! The hot path holds handles: a request looks its series up once, by a key of small numbers, and
//! labels are strings only when a series is new.

mod admission;
mod health;
mod identity;
mod process;
mod requests;
mod scrape;
mod watches;

use base::metrics::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
};

pub(crate) use admission::Timed;
pub(crate) use health::HealthMetrics;
pub(crate) use identity::IdentityMetrics;
pub(crate) use requests::{RequestMetrics, Seen};
pub(crate) use scrape::{scrape, scrape_health};
pub(crate) use watches::WatchMetrics;

use crate::filters::in_flight::InFlight;

/// All of it.
pub(crate) struct Metrics {
    registry: Registry,
    pub requests: RequestMetrics,
    pub identity: IdentityMetrics,
    pub health: HealthMetrics,
    pub admission: Timed,
    pub watches: WatchMetrics,
    pub in_flight: InFlight,
    pub handshake_errors: IntCounter,
}

impl Metrics {
    pub fn new(
        admitted: std::sync::Arc<dyn apimachinery::admission::Plugin>,
        clock: base::Clock,
    ) -> Self {
        let registry = Registry::new();
        let make = Make(&registry);
        process::build_info(&make);
        let in_flight = make.gauges(
            "apiserver_current_inflight_requests",
            "[STABLE] Maximal number of currently used inflight request limit of this apiserver \
             per request kind in last second.",
            &["request_kind"],
        );
        Self {
            requests: RequestMetrics::new(&make),
            identity: IdentityMetrics::new(&make),
            health: HealthMetrics::new(),
            watches: WatchMetrics::new(&make),
            admission: Timed::new(admitted, clock, &make),
            in_flight: InFlight::new(&in_flight),
            handshake_errors: make.counter(
                "apiserver_tls_handshake_errors_total",
                "[ALPHA] Number of requests dropped with 'TLS handshake error from' error",
            ),
            registry,
        }
    }
}

/// Makes and registers metrics.
pub(crate) struct Make<'a>(&'a Registry);

const VALID: &str = "static names and labels are valid, and each is registered once";

impl Make<'_> {
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let made = IntCounterVec::new(Opts::new(name, help), labels).expect(VALID);
        self.0.register(Box::new(made.clone())).expect(VALID);
        made
    }

    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        let made = IntCounter::new(name, help).expect(VALID);
        self.0.register(Box::new(made.clone())).expect(VALID);
        made
    }

    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let made = IntGaugeVec::new(Opts::new(name, help), labels).expect(VALID);
        self.0.register(Box::new(made.clone())).expect(VALID);
        made
    }

    pub fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let made = HistogramVec::new(options, labels).expect(VALID);
        self.0.register(Box::new(made.clone())).expect(VALID);
        made
    }

    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let made = Histogram::with_opts(options).expect(VALID);
        self.0.register(Box::new(made.clone())).expect(VALID);
        made
    }
}
