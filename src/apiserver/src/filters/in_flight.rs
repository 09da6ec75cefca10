//! How many requests are answered at once: reading and changing ones apart, so that neither
//! keeps the other out. What may last takes no place.

use std::sync::atomic::{AtomicI64, Ordering};

use apimachinery::UserInfo;
use axum::body::Body;
use base::metrics::{IntGauge, IntGaugeVec};
use http::{HeaderValue, Response, StatusCode, header};

use crate::answer;
use crate::request_info::RequestInfo;

/// Upstream's `--max-requests-inflight` and `--max-mutating-requests-inflight`.
const READING: i64 = 400;
const CHANGING: i64 = 200;

/// The places of all requests.
pub(crate) struct InFlight {
    reading: Places,
    changing: Places,
}

struct Places {
    taken: AtomicI64,
    all: i64,
    gauge: IntGauge,
}

/// One request's place; leaving it frees the place.
pub(crate) struct Place<'a>(Option<&'a Places>);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(places) = self.0 {
            places.taken.fetch_sub(1, Ordering::Relaxed);
            places.gauge.dec();
        }
    }
}

impl InFlight {
    /// `gauge` is `apiserver_current_inflight_requests`, by kind of request.
    pub fn new(gauge: &IntGaugeVec) -> Self {
        let places = |kind: &str, all| Places {
            taken: AtomicI64::new(0),
            all,
            gauge: gauge.with_label_values(&[kind]),
        };
        Self {
            reading: places("readOnly", READING),
            changing: places("mutating", CHANGING),
        }
    }

    /// Takes a place, or `None` when all are taken. system:masters are let in all the same:
    /// somebody has to be able to mend what fills the places.
    pub fn enter(&self, info: &RequestInfo, user: &UserInfo) -> Option<Place<'_>> {
        if info.is_long_running() {
            return Some(Place(None));
        }
        let places = if info.is_reading() {
            &self.reading
        } else {
            &self.changing
        };
        if places.taken.fetch_add(1, Ordering::Relaxed) >= places.all
            && !user.in_group(UserInfo::MASTERS)
        {
            places.taken.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        places.gauge.inc();
        Some(Place(Some(places)))
    }
}

/// What upstream says when all places are taken: not a Status but a line.
pub(crate) fn too_many() -> Response<Body> {
    let text = "Too many requests, please try again later.\n";
    let mut response = answer::text(StatusCode::TOO_MANY_REQUESTS, text);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::metrics::Opts;

    fn in_flight() -> InFlight {
        let gauge = IntGaugeVec::new(Opts::new("in_flight", "places"), &["request_kind"]);
        InFlight::new(&gauge.expect("valid"))
    }

    fn info(method: &str, uri: &str) -> RequestInfo {
        RequestInfo::of(
            &method.parse().expect("a method"),
            &uri.parse().expect("a uri"),
        )
    }

    #[test]
    fn reading_and_changing_requests_have_places_of_their_own() {
        let (limits, user) = (in_flight(), UserInfo::new("dev", &[]));
        let get = info("GET", "/api/v1/nodes/n");
        let put = info("PUT", "/api/v1/nodes/n");
        let watch = info("GET", "/api/v1/nodes?watch=1");
        let mut held: Vec<_> = (0..400).map(|_| limits.enter(&get, &user)).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(limits.enter(&get, &user).is_none(), "the 401st get");
        held.extend((0..200).map(|_| limits.enter(&put, &user)));
        assert!(held.iter().all(Option::is_some));
        assert!(limits.enter(&put, &user).is_none(), "the 201st put");
        assert!(limits.enter(&watch, &user).is_some(), "a watch");
        let master = UserInfo::new("root", &[UserInfo::MASTERS]);
        assert!(limits.enter(&get, &master).is_some(), "an administrator");
        held.truncate(399);
        assert!(limits.enter(&get, &user).is_some(), "a place became free");
    }
}
