//! Requests counted and limited, with upstream's metric names.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use base::metrics::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};
use http::StatusCode;

use crate::request_info::RequestInfo;

/// Upstream's defaults: 400 reading and 200 writing requests in flight; one limit serves both.
const MAX_IN_FLIGHT: i64 = 600;

/// Verbs of resources, and methods of other paths.
const KNOWN_VERBS: [&str; 12] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "head",
    "options",
    "post",
    "put",
];

pub(crate) struct Metrics {
    pub registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    in_flight: IntGauge,
    places: AtomicI64,
}

/// One request's place; leaving it frees the place.
pub(crate) struct Place<'a>(Option<&'a Metrics>);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(metrics) = self.0 {
            metrics.places.fetch_sub(1, Ordering::Relaxed);
            metrics.in_flight.dec();
        }
    }
}

impl Metrics {
    pub fn new() -> Self {
        let labels = [
            "verb",
            "group",
            "version",
            "resource",
            "subresource",
            "code",
        ];
        let requests = IntCounterVec::new(
            Opts::new("apiserver_request_total", "Counter of apiserver requests."),
            &labels,
        );
        let buckets = vec![
            0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0,
            8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0,
        ];
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "apiserver_request_duration_seconds",
                "Response latency distribution in seconds.",
            )
            .buckets(buckets),
            &labels[..5],
        );
        let in_flight = IntGauge::new(
            "apiserver_current_inflight_requests",
            "Number of requests that are being answered; watches and logs are not counted.",
        );
        let proof = "static names and labels are valid";
        let metrics = Self {
            registry: Registry::new(),
            requests: requests.expect(proof),
            durations: durations.expect(proof),
            in_flight: in_flight.expect(proof),
            places: AtomicI64::new(0),
        };
        let proof = "each metric is registered once";
        metrics
            .registry
            .register(Box::new(metrics.requests.clone()))
            .expect(proof);
        metrics
            .registry
            .register(Box::new(metrics.durations.clone()))
            .expect(proof);
        metrics
            .registry
            .register(Box::new(metrics.in_flight.clone()))
            .expect(proof);
        metrics
    }

    /// Takes a place, or `None` when all are taken. What may last takes none.
    pub fn enter(&self, long_running: bool) -> Option<Place<'_>> {
        if long_running {
            return Some(Place(None));
        }
        if self.places.fetch_add(1, Ordering::Relaxed) >= MAX_IN_FLIGHT {
            self.places.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        self.in_flight.inc();
        Some(Place(Some(self)))
    }

    pub fn observe(&self, info: &RequestInfo, code: StatusCode, took: Duration) {
        // Only what is served gets labels of its own: a client cannot make up time series.
        let served = info.resource.as_ref().and_then(|path| {
            let served = resources::by_resource(&path.group, &path.version, &path.resource)?;
            let row = served.row;
            let subresource = row.subresource(&path.subresource).map_or("", |s| s.name());
            Some([row.group, served.version.name, row.plural, subresource])
        });
        let [group, version, resource, subresource] = served.unwrap_or_default();
        let known = KNOWN_VERBS.iter().find(|known| **known == info.verb);
        let verb = known.unwrap_or(&"other").to_ascii_uppercase();
        let labels = [verb.as_str(), group, version, resource, subresource];
        let code = code.as_u16().to_string();
        let counted = [
            verb.as_str(),
            group,
            version,
            resource,
            subresource,
            code.as_str(),
        ];
        self.requests.with_label_values(&counted).inc();
        if !info.is_long_running() {
            self.durations
                .with_label_values(&labels)
                .observe(took.as_secs_f64());
        }
    }
}
