//! Whether a pod's or a claim's amounts are within a LimitRange's bounds.

use api::quota::list;
use api::requests::{self, ResourceList};
use api::{Container, Pod};
use apimachinery::{Object, Quantity};
use serde_json::Value;

use crate::request::items;

/// What one item of a LimitRange is measured against.
struct Amounts<'a> {
    /// The item's type, which the texts name.
    of: &'a str,
    requests: ResourceList,
    /// `None` for a claim, which has no limits to speak of.
    limits: Option<ResourceList>,
}

/// Why a pod breaks the range's bounds, in the order of its items.
pub(super) fn pod_faults(range: &Object, pod: &Object) -> Vec<String> {
    // A pod that does not decode was refused by validation.
    let Ok(Pod {
        spec: Some(mut spec),
        ..
    }) = api::view(pod)
    else {
        return Vec::new();
    };
    // The bounds are about what the pod asks for itself.
    spec.overhead = None;
    let mut faults = Vec::new();
    for item in items(range, "/spec/limits") {
        match item["type"].as_str() {
            Some(of @ "Container") => {
                let init = spec.init_containers.iter().flatten();
                for container in spec.containers.iter().chain(init) {
                    of_container(of, container).check(item, &mut faults);
                }
            }
            Some(of @ "Pod") => {
                let whole = Amounts {
                    of,
                    requests: requests::pod_requests(&spec),
                    limits: Some(requests::pod_limits(&spec)),
                };
                whole.check(item, &mut faults);
            }
            _ => {}
        }
    }
    faults
}

/// Why a claim breaks the range's bounds.
pub(super) fn claim_faults(range: &Object, claim: &Object) -> Vec<String> {
    let asked = claim.at("/spec/resources/requests");
    let mut faults = Vec::new();
    for item in items(range, "/spec/limits") {
        if let Some(of @ "PersistentVolumeClaim") = item["type"].as_str() {
            let amounts = Amounts {
                of,
                requests: list(asked),
                limits: None,
            };
            amounts.check(item, &mut faults);
        }
    }
    faults
}

fn of_container<'a>(of: &'a str, container: &Container) -> Amounts<'a> {
    let resources = container.resources.as_ref();
    Amounts {
        of,
        requests: requests::parse(resources.and_then(|r| r.requests.as_ref())),
        limits: Some(requests::parse(resources.and_then(|r| r.limits.as_ref()))),
    }
}

impl Amounts<'_> {
    fn check(&self, item: &Value, faults: &mut Vec<String>) {
        let bounds = |field| list(item.get(field)).into_iter();
        faults.extend(bounds("min").filter_map(|(name, min)| self.below(&name, min)));
        faults.extend(bounds("max").filter_map(|(name, max)| self.above(&name, max)));
        if self.limits.is_some() {
            let ratios = bounds("maxLimitRequestRatio");
            faults.extend(ratios.filter_map(|(name, ratio)| self.out_of_ratio(&name, ratio)));
        }
    }

    fn request(&self, name: &str) -> Option<Quantity> {
        self.requests.get(name).copied()
    }

    fn limit(&self, name: &str) -> Option<Quantity> {
        self.limits.as_ref()?.get(name).copied()
    }

    fn below(&self, name: &str, min: Quantity) -> Option<String> {
        let why = match (self.request(name), self.limit(name)) {
            (None, _) => ".  No request is specified".to_owned(),
            (Some(request), _) if request < min => format!(", but request is {request}"),
            (_, Some(limit)) if limit < min => format!(", but limit is {limit}"),
            _ => return None,
        };
        Some(format!(
            "minimum {name} usage per {} is {min}{why}",
            self.of
        ))
    }

    fn above(&self, name: &str, max: Quantity) -> Option<String> {
        let (request, limit) = (self.request(name), self.limit(name));
        let why = match (self.limits.is_some(), request, limit) {
            (true, _, None) => ".  No limit is specified".to_owned(),
            (false, None, _) => ".  No request is specified".to_owned(),
            (_, _, Some(limit)) if limit > max => format!(", but limit is {limit}"),
            (_, Some(request), _) if request > max => format!(", but request is {request}"),
            _ => return None,
        };
        Some(format!(
            "maximum {name} usage per {} is {max}{why}",
            self.of
        ))
    }

    fn out_of_ratio(&self, name: &str, max: Quantity) -> Option<String> {
        let given = |amount: Option<Quantity>| amount.filter(|amount| !amount.is_zero());
        let why = match (given(self.request(name)), given(self.limit(name))) {
            (None, _) => "no request is specified or request is 0".to_owned(),
            (_, None) => "no limit is specified or limit is 0".to_owned(),
            (Some(request), Some(limit)) => {
                let ratio = ratio(limit, request);
                if ratio <= ratio_of(max) {
                    return None;
                }
                format!("provided ratio is {ratio:.6}")
            }
        };
        Some(format!(
            "{name} max limit to request ratio per {} is {max}, but {why}",
            self.of
        ))
    }
}

/// In thousandths where they fit, as upstream compares.
fn ratio(limit: Quantity, request: Quantity) -> f64 {
    let fine = [limit, request]
        .iter()
        .all(|q| q.units() <= i64::MAX / 1000);
    if fine {
        as_float(limit.milli()) / as_float(request.milli())
    } else {
        as_float(limit.units()) / as_float(request.units())
    }
}

fn ratio_of(bound: Quantity) -> f64 {
    as_float(bound.milli()) / 1000.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio is compared as upstream does, in floating point"
)]
fn as_float(amount: i64) -> f64 {
    amount as f64
}
