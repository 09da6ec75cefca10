//! Rules of requests and limits.

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::{FieldError, FieldErrors, Path, Quantity};

use super::Pod;
use crate::at::{At, check_text};
use crate::meta;
use crate::podspec::aggregate_requests;

/// The names of all claims are told up to this length.
const NAMES_SIZE: usize = 4096;

/// Resource names without a domain that mean something somewhere.
pub(crate) const STANDARD_RESOURCES: [&str; 20] = [
    "configmaps",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "storage",
];
const CONTAINER: [&str; 3] = ["cpu", "ephemeral-storage", "memory"];
const HUGE: &str = "hugepages-";

pub(super) fn validate_container_resources(
    pod: &Pod<'_>,
    resources: &At<'_>,
    errors: &mut FieldErrors,
) {
    let (limits, requests) = (resources.child("limits"), resources.child("requests"));
    for (name, quantity) in limits.entries() {
        validate_container_resource_name(name, &quantity, errors);
        validate_quantity(name, &quantity, errors);
    }
    for (name, quantity) in requests.entries() {
        validate_container_resource_name(name, &quantity, errors);
        validate_quantity(name, &quantity, errors);
        validate_against_limit(name, &quantity, &requests, &limits, errors);
    }
    validate_huge_companions(resources, &limits, &requests, errors);
    validate_claims(pod, &resources.child("claims"), errors);
}

/// A resource list of a node, a quota or the like: quantities only.
pub(crate) fn validate_quantity(name: &str, at: &At<'_>, errors: &mut FieldErrors) {
    let quantity = match at.text().parse::<Quantity>() {
        Ok(quantity) => quantity,
        Err(error) => {
            errors.push(at.invalid(error.to_string()));
            return;
        }
    };
    if quantity.is_negative() {
        errors.push(at.invalid("must be greater than or equal to 0"));
    }
    if name.contains('/') && !is_native(name) && quantity.milli() % 1000 != 0 {
        errors.push(at.invalid("must be an integer"));
    }
    if let Some(size) = name
        .strip_prefix(HUGE)
        .and_then(|size| size.parse::<Quantity>().ok())
    {
        let (page, total) = (size.units(), quantity.units());
        if page <= 0 || total % page != 0 {
            errors.push(at.invalid(format!(
                "{quantity} is not positive integer multiple of {name}"
            )));
        }
    }
}

/// In the domain of kubernetes.io, which a name without a domain is in too.
pub(crate) fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// A resource that means something somewhere: qualified, or one of the standard ones.
pub(crate) fn validate_resource_name(name: &str, path: &Path, errors: &mut FieldErrors) {
    let before = errors.0.len();
    check_text(path, name, meta::qualified_name, errors);
    let plain = name.strip_prefix("requests.").unwrap_or(name);
    let is_known = STANDARD_RESOURCES.contains(&name) || plain.starts_with(HUGE);
    if errors.0.len() == before && !name.contains('/') && !is_known {
        let detail = "must be a standard resource type or fully qualified";
        errors.push(FieldError::invalid(path, name, detail));
    }
}

/// A resource that containers use.
pub(crate) fn validate_container_resource_name(name: &str, at: &At<'_>, errors: &mut FieldErrors) {
    validate_resource_name(name, &at.path, errors);
    let detail = if name.contains('/') {
        // A quota of it has to have a name too.
        let is_extended = !name.starts_with("requests.")
            && meta::qualified_name(&format!("requests.{name}")).is_ok();
        if is_native(name) || is_extended {
            return;
        }
        "doesn't follow extended resource name standard"
    } else {
        if name.starts_with(HUGE) || CONTAINER.contains(&name) {
            return;
        }
        "must be a standard resource for containers"
    };
    errors.push(FieldError::invalid(&at.path, name, detail));
}

/// Only cpu, memory and the like may be promised twice.
fn validate_against_limit(
    name: &str,
    request: &At<'_>,
    requests: &At<'_>,
    limits: &At<'_>,
    errors: &mut FieldErrors,
) {
    let overcommit = is_native(name) && !name.starts_with(HUGE);
    let limit = limits.value.get(name).and_then(|limit| limit.as_str());
    let Some(limit) = limit else {
        if !overcommit {
            errors.push(limits.required("Limit must be set for non overcommitable resources"));
        }
        return;
    };
    let (Ok(asked), Ok(allowed)) = (request.text().parse::<Quantity>(), limit.parse()) else {
        return;
    };
    let detail = if !overcommit && asked != allowed {
        format!("must be equal to {name} limit of {allowed}")
    } else if asked > allowed {
        format!("must be less than or equal to {name} limit of {allowed}")
    } else {
        return;
    };
    errors.push(FieldError::invalid(
        &requests.path,
        asked.to_string(),
        detail,
    ));
}

fn validate_huge_companions(
    resources: &At<'_>,
    limits: &At<'_>,
    requests: &At<'_>,
    errors: &mut FieldErrors,
) {
    let names: BTreeSet<&str> = limits
        .entries()
        .chain(requests.entries())
        .map(|(name, _)| name)
        .collect();
    let has_huge = names.iter().any(|name| name.starts_with(HUGE));
    if has_huge && !names.contains("cpu") && !names.contains("memory") {
        errors.push(resources.forbidden("HugePages require cpu or memory"));
    }
}

/// The claims of a pod, for its containers to name.
pub(super) struct Claims<'a> {
    names: BTreeSet<&'a str>,
    /// As errors tell of them all.
    shown: String,
}

impl<'a> Claims<'a> {
    pub(super) fn of(claims: &At<'a>) -> Self {
        let names: Vec<&str> = claims.items().map(|c| c.child("name").text()).collect();
        let shown = match names.join(", ") {
            _ if names.is_empty() => " which is empty".to_owned(),
            // Each error repeats them.
            long if long.len() > NAMES_SIZE => format!(", of which there are {}", names.len()),
            names => format!(": {names}"),
        };
        Self {
            names: names.into_iter().collect(),
            shown,
        }
    }
}

fn validate_claims(pod: &Pod<'_>, claims: &At<'_>, errors: &mut FieldErrors) {
    let mut names = BTreeSet::new();
    for claim in claims.items() {
        let name = claim.child("name");
        if name.text().is_empty() {
            errors.push(name.required(""));
            continue;
        }
        let request = claim.child("request").text();
        if !names.insert((name.text(), request)) {
            errors.push(FieldError::duplicate(&claim.path, name.text()));
        }
        if !pod.claims.names.contains(name.text()) {
            let (mut error, shown) = (name.not_found(), &pod.claims.shown);
            error.detail = format!("must be one of the names in pod.spec.resourceClaims{shown}");
            errors.push(error);
        }
    }
}

pub(super) fn validate_resize_policy(pod: &Pod<'_>, policies: &At<'_>, errors: &mut FieldErrors) {
    let mut names = BTreeSet::new();
    for policy in policies.items() {
        let (name, restart) = (policy.child("resourceName"), policy.child("restartPolicy"));
        if !names.insert(name.text()) {
            errors.push(name.duplicate());
        }
        name.one_of(&["cpu", "memory"], errors);
        restart.one_of(&["NotRequired", "RestartContainer"], errors);
        let never = pod.spec.child("restartPolicy").text() == "Never";
        if never && restart.text() == "RestartContainer" {
            errors.push(restart.invalid("must be 'NotRequired' when `restartPolicy` is 'Never'"));
        }
    }
}

/// Requests and limits of the pod as a whole.
pub(super) fn validate_pod_resources(pod: &Pod<'_>, errors: &mut FieldErrors) {
    let resources = pod.spec.child("resources");
    if !resources.is_present() {
        return;
    }
    let claims = resources.child("claims");
    if !claims.is_zero() {
        errors.push(claims.forbidden("claims may not be set for Resources at pod-level"));
    }
    let (limits, requests) = (resources.child("limits"), resources.child("requests"));
    for list in [&limits, &requests] {
        for (name, quantity) in list.entries() {
            if !matches!(name, "cpu" | "memory") && !name.starts_with(HUGE) {
                let mut error = FieldError::not_supported(&quantity.path, name, &["cpu", "memory"]);
                error.detail.push_str(", \"hugepages-\"");
                errors.push(error);
            }
            validate_quantity(name, &quantity, errors);
        }
    }
    let spec = pod.spec.value.as_object();
    let sums = spec.map(aggregate_requests).unwrap_or_default();
    for (name, quantity) in requests.entries() {
        validate_against_limit(name, &quantity, &requests, &limits, errors);
        if let Some(sum) = sums.get(name) {
            validate_covers_containers(*sum, &quantity, errors);
        }
    }
    validate_container_limits(pod, &resources, errors);
}

/// What the pod asks for is enough for what its containers ask for.
fn validate_covers_containers(sum: Quantity, request: &At<'_>, errors: &mut FieldErrors) {
    if let Ok(asked) = request.text().parse::<Quantity>()
        && asked < sum
    {
        errors.push(request.invalid(format!(
            "must be greater than or equal to aggregate container requests of {sum}"
        )));
    }
}

/// No container may use more than the pod.
fn validate_container_limits(pod: &Pod<'_>, resources: &At<'_>, errors: &mut FieldErrors) {
    let limits = resources.child("limits");
    let limits = limits.entries();
    let limits: BTreeMap<&str, Quantity> = limits
        .filter_map(|(name, limit)| Some((name, limit.text().parse().ok()?)))
        .collect();
    for (index, container) in pod.spec.child("containers").items().enumerate() {
        for (name, limit) in container.child("resources").child("limits").entries() {
            let (Ok(limit), Some(whole)) = (limit.text().parse::<Quantity>(), limits.get(name))
            else {
                continue;
            };
            if limit > *whole {
                let path = resources.path.child("containers").index(index);
                let path = path.key(name).child("limits");
                let detail = format!("must be less than or equal to pod limits of {whole}");
                errors.push(FieldError::invalid(&path, limit.to_string(), detail));
            }
        }
    }
}

/// A pod's overhead, or limits that no requests go with: what each may be called, and how much.
pub(crate) fn validate_limits(overhead: &At<'_>, errors: &mut FieldErrors) {
    for (name, quantity) in overhead.entries() {
        validate_container_resource_name(name, &quantity, errors);
        validate_quantity(name, &quantity, errors);
    }
}
