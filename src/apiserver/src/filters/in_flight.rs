//! How many requests are answered at once: bodies that are still to come, and reading and changing
//! requests, apart, so that none keeps the others out. What may last takes no place once it runs.
//!
//! A place is left when the answer's body is gone: who does not take answers takes up places.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apimachinery::UserInfo;
use axum::body::Body;
use base::metrics::{IntGauge, IntGaugeVec};
use http::{HeaderValue, Response, StatusCode, header};

use crate::answer;
use crate::request_info::RequestInfo;

/// Upstream's `--max-requests-inflight` and `--max-mutating-requests-inflight`.
const READING: usize = 400;
const CHANGING: usize = 200;
/// Bodies that are being read. They bound memory as much as the changes that follow them.
const BODIES: usize = 200;
/// The part of the places that one user may take: no single one keeps everybody else out.
const SHARE: usize = 4;

/// The places of all requests, by who asks (upstream: a priority level for each).
pub(crate) struct InFlight {
    others: Pool,
    own: Pool,
    exempt: Pool,
}

/// Who shares places with whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// system:masters are always let in: somebody has to be able to mend what fills the places.
    Exempt,
    /// The components of this process, and nodes: the cluster stands still without them.
    Own,
    Others,
}

impl Class {
    pub fn of(user: &UserInfo, in_process: bool) -> Self {
        if user.in_group(UserInfo::MASTERS) {
            Self::Exempt
        } else if in_process || user.in_group(UserInfo::NODES) {
            Self::Own
        } else {
            Self::Others
        }
    }
}

struct Pool {
    bodies: Arc<Places>,
    reading: Arc<Places>,
    changing: Arc<Places>,
}

struct Places {
    all: usize,
    /// What one user may take of them.
    share: usize,
    gauge: Option<IntGauge>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_user: HashMap<String, usize>,
}

/// One request's place; leaving it frees the place.
pub(crate) struct Place {
    places: Arc<Places>,
    user: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        if let Some(count) = taken.by_user.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                taken.by_user.remove(&self.user);
            }
        }
        drop(taken);
        if let Some(gauge) = &self.places.gauge {
            gauge.dec();
        }
    }
}

impl Places {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, user: &str) -> Option<Place> {
        let mut taken = self.lock();
        let his = taken.by_user.get(user).copied().unwrap_or(0);
        if taken.all >= self.all || his >= self.share {
            return None;
        }
        taken.all += 1;
        taken.by_user.insert(user.to_owned(), his + 1);
        drop(taken);
        if let Some(gauge) = &self.gauge {
            gauge.inc();
        }
        let (places, user) = (self.clone(), user.to_owned());
        Some(Place { places, user })
    }
}

impl InFlight {
    /// `gauge` is `apiserver_current_inflight_requests`, by kind of request.
    pub fn new(gauge: &IntGaugeVec) -> Self {
        let places = |kind: &str, all, share| {
            Arc::new(Places {
                all,
                share,
                gauge: (!kind.is_empty()).then(|| gauge.with_label_values(&[kind])),
                taken: Mutex::default(),
            })
        };
        let pool = |limit: fn(usize) -> usize, share| Pool {
            bodies: places("", limit(BODIES), limit(BODIES) / share),
            reading: places("readOnly", limit(READING), limit(READING) / share),
            changing: places("mutating", limit(CHANGING), limit(CHANGING) / share),
        };
        Self {
            others: pool(|limit| limit, SHARE),
            own: pool(|limit| limit, 1),
            exempt: pool(|_| usize::MAX, 1),
        }
    }

    fn pool(&self, class: Class) -> &Pool {
        match class {
            Class::Exempt => &self.exempt,
            Class::Own => &self.own,
            Class::Others => &self.others,
        }
    }

    /// A place for a body that is still to come; `None` when all are taken.
    pub fn read_body(&self, class: Class, user: &UserInfo) -> Option<Place> {
        self.pool(class).bodies.take(&user.name)
    }

    /// Takes a place, or `None` when all are taken. What may last must not come here.
    pub fn enter(&self, info: &RequestInfo, class: Class, user: &UserInfo) -> Option<Place> {
        let pool = self.pool(class);
        let places = if info.is_reading() {
            &pool.reading
        } else {
            &pool.changing
        };
        places.take(&user.name)
    }
}

/// What upstream says when all places are taken: not a Status but a line.
pub(crate) fn too_many() -> Response<Body> {
    let text = "Too many requests, please try again later.\n";
    let mut response = answer::line(StatusCode::TOO_MANY_REQUESTS, text);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
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

    fn enter(limits: &InFlight, info: &RequestInfo, user: &UserInfo) -> Option<Place> {
        limits.enter(info, Class::of(user, false), user)
    }

    #[test]
    fn one_user_gets_a_share_of_the_places_and_all_users_all_of_them() {
        let limits = in_flight();
        let get = info("GET", "/api/v1/nodes/n");
        let put = info("PUT", "/api/v1/nodes/n");
        let mut held = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            let user = UserInfo::new(name, &[]);
            let full = name == "e";
            let before = held.len();
            held.extend((0..101).map_while(|_| enter(&limits, &get, &user)));
            assert_eq!(held.len() - before, if full { 0 } else { 100 }, "{name}");
            let before = held.len();
            held.extend((0..51).map_while(|_| enter(&limits, &put, &user)));
            assert_eq!(held.len() - before, if full { 0 } else { 50 }, "{name}");
        }
        let late = UserInfo::new("e", &[]);
        held.truncate(1);
        assert!(enter(&limits, &get, &late).is_some(), "places became free");
        held.clear();
        assert!(limits.others.reading.lock().by_user.is_empty());
    }

    #[test]
    fn the_clusters_own_share_no_places_with_others() {
        let limits = in_flight();
        let put = info("PUT", "/api/v1/nodes/n");
        let crowd: Vec<UserInfo> = (0..200)
            .map(|n| UserInfo::new(format!("u{n}"), &[]))
            .collect();
        let held: Vec<_> = crowd.iter().map(|u| enter(&limits, &put, u)).collect();
        assert!(held.iter().all(Option::is_some));
        let rows = [
            (UserInfo::new("dev", &[]), false, false),
            (UserInfo::new("dev", &[]), true, true),
            (UserInfo::node("n"), false, true),
            (UserInfo::new("root", &[UserInfo::MASTERS]), false, true),
        ];
        for (user, in_process, expected) in rows {
            let class = Class::of(&user, in_process);
            let place = limits.enter(&put, class, &user);
            assert_eq!(place.is_some(), expected, "{} {class:?}", user.name);
        }
    }
}
