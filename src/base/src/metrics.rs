//! A metrics registry per component, so that one component's endpoint does not show another's.

pub use prometheus::{
    Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter,
    IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
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
