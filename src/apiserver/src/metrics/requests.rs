//! Requests: how many, how long, how large.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base::metrics::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Make};
use http::{HeaderMap, Method, StatusCode, Uri};
use resources::{Resource, Subresource};

use crate::negotiate;
use crate::request_info::{RequestInfo, query};

/// Upstream's buckets of `apiserver_request_duration_seconds`.
const DURATIONS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0,
    10.0, 15.0, 20.0, 30.0, 45.0, 60.0,
];
/// Those of the service level: the same without the two smallest.
const LEVELS: &[f64] = DURATIONS.split_at(2).1;
const SIZES: [f64; 7] = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const LABELS: [&str; 7] = [
    "component",
    "group",
    "resource",
    "scope",
    "subresource",
    "verb",
    "version",
];

/// As upstream reports them; everything else is `other`.
const VERBS: [&str; 13] = [
    "GET",
    "LIST",
    "WATCH",
    "POST",
    "PUT",
    "PATCH",
    "APPLY",
    "DELETE",
    "DELETECOLLECTION",
    "CONNECT",
    "HEAD",
    "OPTIONS",
    "other",
];
/// Paths that have a series of their own.
const PATHS: [&str; 5] = ["/healthz", "/livez", "/readyz", "/metrics", "/version"];

pub(crate) struct RequestMetrics {
    known: RwLock<HashMap<Key, Arc<Series>>>,
    totals: IntCounterVec,
    durations: HistogramVec,
    levels: HistogramVec,
    sizes: HistogramVec,
    long_running: IntGaugeVec,
    aborts: IntCounterVec,
    terminations: IntCounterVec,
    body_sizes: HistogramVec,
}

/// Which series a request belongs to. Only what is served has one of its own: a client cannot
/// make up time series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// The row's address, 0 for paths; rows are static.
    row: usize,
    version: &'static str,
    subresource: &'static str,
    verb: &'static str,
    scope: &'static str,
    dry_run: bool,
}

struct Series {
    labels: [&'static str; 7],
    dry_run: &'static str,
    durations: Histogram,
    levels: Histogram,
    /// Of reads only, as upstream.
    sizes: Option<Histogram>,
    codes: RwLock<Vec<(StatusCode, IntCounter)>>,
}

/// A request that is under way; counted when it is done, or as aborted when it never is.
pub(crate) struct Seen<'a> {
    metrics: &'a RequestMetrics,
    series: Arc<Series>,
    long_running: bool,
    done: bool,
}

impl RequestMetrics {
    pub fn new(make: &Make<'_>) -> Self {
        let with = |more: &[&'static str]| -> Vec<&'static str> {
            LABELS.iter().chain(more).copied().collect()
        };
        Self {
            known: RwLock::default(),
            totals: make.counters(
                "apiserver_request_total",
                "[STABLE] Counter of apiserver requests broken out for each verb, dry run value, \
                 group, version, resource, scope, component, and HTTP response code.",
                &with(&["dry_run", "code"]),
            ),
            durations: make.histograms(
                "apiserver_request_duration_seconds",
                "[STABLE] Response latency distribution in seconds for each verb, dry run value, \
                 group, version, resource, subresource, scope and component.",
                &with(&["dry_run"]),
                &DURATIONS,
            ),
            levels: make.histograms(
                "apiserver_request_sli_duration_seconds",
                "[ALPHA] Response latency distribution (not counting webhook duration and \
                 priority & fairness queue wait times) in seconds for each verb, group, version, \
                 resource, subresource, scope and component.",
                &LABELS,
                LEVELS,
            ),
            sizes: make.histograms(
                "apiserver_response_sizes",
                "[STABLE] Response size distribution in bytes for each group, version, verb, \
                 resource, subresource, scope and component.",
                &LABELS,
                &SIZES,
            ),
            long_running: make.gauges(
                "apiserver_longrunning_requests",
                "[STABLE] Gauge of all active long-running apiserver requests broken out by verb, \
                 group, version, resource, scope and component. Not all requests are tracked this \
                 way.",
                &LABELS,
            ),
            aborts: make.counters(
                "apiserver_request_aborts_total",
                "[ALPHA] Number of requests which apiserver aborted possibly due to a timeout, \
                 for each group, version, verb, resource, subresource and scope",
                &LABELS[1..],
            ),
            terminations: make.counters(
                "apiserver_request_terminations_total",
                "[ALPHA] Number of requests which apiserver terminated in self-defense.",
                &with(&["code"]),
            ),
            body_sizes: make.histograms(
                "apiserver_request_body_size_bytes",
                "[ALPHA] Apiserver request body size in bytes broken out by resource and verb.",
                &["group", "resource", "verb"],
                &(0..31)
                    .map(|n| 50e3 + 100e3 * f64::from(n))
                    .collect::<Vec<_>>(),
            ),
        }
    }

    /// A request begins.
    pub fn see(
        &self,
        info: &RequestInfo,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Seen<'_> {
        let key = Key::of(info, method, uri, headers);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let series = known.get(&key).cloned();
        drop(known);
        let series = series.unwrap_or_else(|| self.add(key, info.row()));
        let long_running = info.is_long_running();
        if long_running {
            self.long_running.with_label_values(&series.labels).inc();
        }
        Seen {
            metrics: self,
            series,
            long_running,
            done: false,
        }
    }

    fn add(&self, key: Key, row: Option<&'static Resource>) -> Arc<Series> {
        let (group, resource) = row.map_or(("", ""), |row| (row.group, row.plural));
        let labels = [
            "apiserver",
            group,
            resource,
            key.scope,
            key.subresource,
            key.verb,
            key.version,
        ];
        let dry_run = if key.dry_run { "All" } else { "" };
        let with_dry_run: Vec<&str> = labels.iter().copied().chain([dry_run]).collect();
        let reads = matches!(key.verb, "GET" | "LIST");
        let series = Arc::new(Series {
            labels,
            dry_run,
            durations: self.durations.with_label_values(&with_dry_run),
            levels: self.levels.with_label_values(&labels),
            sizes: reads.then(|| self.sizes.with_label_values(&labels)),
            codes: RwLock::default(),
        });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(key).or_insert(series).clone()
    }
}

impl Key {
    fn of(info: &RequestInfo, method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let path = info.resource.as_ref().zip(info.row());
        let subresource = match path {
            Some((path, row)) => row
                .subresource(&path.subresource)
                .map_or("", Subresource::name),
            None => PATHS
                .into_iter()
                .find(|known| info.path.starts_with(known))
                .unwrap_or_default(),
        };
        let scope = match path {
            None => "",
            Some((path, _)) if !path.name.is_empty() || info.verb == "create" => "resource",
            Some((path, _)) if !path.namespace.is_empty() => "namespace",
            Some(_) => "cluster",
        };
        Self {
            row: info.row().map_or(0, |row| std::ptr::from_ref(row).addr()),
            version: info.served.map_or("", |served| served.version.name),
            subresource,
            verb: verb(info, method, headers),
            scope,
            dry_run: uri.query().is_some() && query(uri, "dryRun") == "All",
        }
    }
}

fn verb(info: &RequestInfo, method: &Method, headers: &HeaderMap) -> &'static str {
    let row = info.resource.as_ref().zip(info.row());
    let connects = row.is_some_and(|(path, row)| {
        matches!(
            row.subresource(&path.subresource),
            Some(Subresource::Connect { .. })
        )
    });
    let word = match info.verb.as_ref() {
        "list" => "LIST",
        "watch" => "WATCH",
        "deletecollection" => "DELETECOLLECTION",
        _ if connects => "CONNECT",
        "patch" if negotiate::content_type(headers).starts_with("application/apply-patch") => {
            "APPLY"
        }
        _ => method.as_str(),
    };
    let known = VERBS.iter().find(|known| **known == word);
    known.copied().unwrap_or("other")
}

impl Seen<'_> {
    /// The request has this answer, after this time. A long-running one ends here only when
    /// nothing follows; see [`Seen::lasts`].
    pub fn answered(&mut self, code: StatusCode, took: Duration, size: Option<u64>) {
        self.done = true;
        self.series.count(code, self.metrics);
        if self.long_running {
            return;
        }
        let seconds = took.as_secs_f64();
        self.series.durations.observe(seconds);
        self.series.levels.observe(seconds);
        if let (Some(sizes), Some(size)) = (&self.series.sizes, size) {
            #[expect(clippy::cast_precision_loss, reason = "a bucket's bound is rounder")]
            sizes.observe(size as f64);
        }
    }

    /// The server gave up on the request in self-defence.
    pub fn terminated(&self, code: StatusCode) {
        let code = code.as_u16().to_string();
        let labels: Vec<&str> = self
            .series
            .labels
            .iter()
            .copied()
            .chain([code.as_str()])
            .collect();
        self.metrics.terminations.with_label_values(&labels).inc();
    }

    /// The size of the body that came with a write.
    pub fn body(&self, size: usize) {
        let [_, group, resource, _, _, verb, _] = self.series.labels;
        #[expect(clippy::cast_precision_loss, reason = "bodies are at most a few MiB")]
        self.metrics
            .body_sizes
            .with_label_values(&[group, resource, verb])
            .observe(size as f64);
    }

    /// The gauge that a long-running answer holds up until its last byte.
    pub fn lasts(&mut self) -> Option<Lasts> {
        std::mem::take(&mut self.long_running).then(|| {
            Lasts(
                self.metrics
                    .long_running
                    .with_label_values(&self.series.labels),
            )
        })
    }
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        if self.long_running {
            self.metrics
                .long_running
                .with_label_values(&self.series.labels)
                .dec();
        }
        if !self.done {
            // The client went away: nobody polls the request any more.
            self.metrics
                .aborts
                .with_label_values(&self.series.labels[1..])
                .inc();
        }
    }
}

/// Counts a long-running request for as long as it lives.
pub(crate) struct Lasts(base::metrics::IntGauge);

impl Drop for Lasts {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Series {
    fn count(&self, code: StatusCode, metrics: &RequestMetrics) {
        let codes = self.codes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, counter)) = codes.iter().find(|(known, _)| *known == code) {
            counter.inc();
            return;
        }
        drop(codes);
        let text = code.as_u16().to_string();
        let labels: Vec<&str> = self
            .labels
            .iter()
            .copied()
            .chain([self.dry_run, text.as_str()])
            .collect();
        let counter = metrics.totals.with_label_values(&labels);
        counter.inc();
        let mut codes = self.codes.write().unwrap_or_else(PoisonError::into_inner);
        if !codes.iter().any(|(known, _)| *known == code) {
            codes.push((code, counter));
        }
    }
}
