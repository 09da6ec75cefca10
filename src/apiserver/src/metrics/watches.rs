//! Events that watches send.

use base::metrics::{Histogram, HistogramVec, IntCounter, IntCounterVec, Make};
use resources::Served;

pub(crate) struct WatchMetrics {
    events: IntCounterVec,
    sizes: HistogramVec,
}

/// One watch's handles.
pub(crate) struct Watched {
    events: IntCounter,
    sizes: Histogram,
}

impl WatchMetrics {
    pub fn new(make: &Make<'_>) -> Self {
        let labels = ["group", "resource", "version"];
        let buckets: Vec<f64> = (0..8).map(|n| 1024.0 * f64::from(1 << n)).collect();
        Self {
            events: make.counters(
                "apiserver_watch_events_total",
                "[ALPHA] Number of events sent in watch clients",
                &labels,
            ),
            sizes: make.histograms(
                "apiserver_watch_events_sizes",
                "[ALPHA] Watch event size distribution in bytes",
                &labels,
                &buckets,
            ),
        }
    }

    pub fn of(&self, served: Served) -> Watched {
        let labels = [served.row.group, served.row.plural, served.version.name];
        Watched {
            events: self.events.with_label_values(&labels),
            sizes: self.sizes.with_label_values(&labels),
        }
    }
}

impl Watched {
    /// A line of this many bytes was made for a client.
    pub fn sent(&self, size: usize) {
        self.events.inc();
        #[expect(clippy::cast_precision_loss, reason = "a bucket's bound is rounder")]
        self.sizes.observe(size as f64);
    }
}
