//! What the server counts and measures, under upstream's names.
//!
//! The hot path holds handles: a request looks its series up once, by a key of small numbers, and
//! labels are strings only when a series is new.

mod health;
mod identity;
mod process;
mod requests;
mod scrape;
pub(crate) mod watches;

use base::metrics::{IntCounter, Make, Registry};

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
    pub watches: WatchMetrics,
    pub in_flight: InFlight,
    pub handshake_errors: IntCounter,
}

impl Metrics {
    pub fn new() -> Self {
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
            in_flight: InFlight::new(&in_flight),
            handshake_errors: make.counter(
                "apiserver_tls_handshake_errors_total",
                "[ALPHA] Number of requests dropped with 'TLS handshake error from' error",
            ),
            registry,
        }
    }
}
