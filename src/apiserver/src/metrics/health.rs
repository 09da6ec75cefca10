//! Health checks as service level indicators: `/metrics/slis`.

use base::metrics::{IntCounterVec, IntGaugeVec, Make, Registry};

pub(crate) struct HealthMetrics {
    pub registry: Registry,
    latest: IntGaugeVec,
    all: IntCounterVec,
}

impl HealthMetrics {
    pub fn new() -> Self {
        let registry = Registry::new();
        let make = Make(&registry);
        Self {
            latest: make.gauges(
                "kubernetes_healthcheck",
                "[STABLE] This metric records the result of a single healthcheck.",
                &["name", "type"],
            ),
            all: make.counters(
                "kubernetes_healthchecks_total",
                "[STABLE] This metric records the results of all healthcheck.",
                &["name", "status", "type"],
            ),
            registry,
        }
    }

    /// A check of `endpoint` was made.
    pub fn checked(&self, name: &str, endpoint: &str, healthy: bool) {
        let status = if healthy { "success" } else { "error" };
        self.latest
            .with_label_values(&[name, endpoint])
            .set(i64::from(healthy));
        self.all.with_label_values(&[name, status, endpoint]).inc();
    }
}
