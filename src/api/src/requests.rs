//! What a pod asks for and may use, summed over its containers.
//!
//! Containers add up. Init containers run one at a time, so only the largest counts, on top of
//! the sidecars that were started before it. Worked example: app 1 CPU; init `a` 2 CPU, sidecar
//! `s` 1 CPU, init `b` 3 CPU: `max(app + s, a, s + b)` = max(2, 2, 4) = 4 CPU.

use std::collections::{BTreeMap, HashMap};

use apimachinery::Quantity;

use crate::core::{ContainerStatus, Pod, PodSpec, ResourceRequirements};
use crate::pod::is_sidecar;
use crate::{Container, QuantityText};

/// Resource name to amount.
pub type ResourceList = BTreeMap<String, Quantity>;

/// Reads quantities; one that does not parse was refused by validation and counts as nothing.
#[must_use]
pub fn parse(list: Option<&BTreeMap<String, QuantityText>>) -> ResourceList {
    let entries = list.into_iter().flatten();
    entries
        .filter_map(|(name, text)| Some((name.clone(), text.0.parse().ok()?)))
        .collect()
}

/// Adds entry by entry.
pub fn add(sum: &mut ResourceList, more: &ResourceList) {
    for (name, amount) in more {
        let total = sum.get(name).map_or_else(|| *amount, |old| *old + *amount);
        sum.insert(name.clone(), total);
    }
}

/// Keeps the larger of each entry.
pub fn raise(floor: &mut ResourceList, other: &ResourceList) {
    for (name, amount) in other {
        if floor.get(name).is_none_or(|old| old < amount) {
            floor.insert(name.clone(), *amount);
        }
    }
}

/// What the pod's spec requests, overhead included (`PodRequests`).
#[must_use]
pub fn pod_requests(spec: &PodSpec) -> ResourceList {
    let mut sum = sum(spec, &|c| {
        parse(c.resources.as_ref().and_then(|r| r.requests.as_ref()))
    });
    let whole = spec.resources.as_ref().and_then(|r| r.requests.as_ref());
    replace_by_pod_level(&mut sum, whole);
    add(&mut sum, &parse(spec.overhead.as_ref()));
    sum
}

/// As [`pod_requests`], but while a resize is on its way the larger of what is asked for and
/// what is held counts, so that nobody else takes the difference (`UseStatusResources`).
#[must_use]
pub fn pod_requests_during_resize(pod: &Pod) -> ResourceList {
    let Some(spec) = &pod.spec else {
        return ResourceList::new();
    };
    let infeasible = crate::pod::pod_condition(pod, "PodResizePending")
        .is_some_and(|c| c.reason.as_deref() == Some("Infeasible"));
    let statuses = statuses(pod);
    let of = |container: &Container| {
        let asked = parse(
            container
                .resources
                .as_ref()
                .and_then(|r| r.requests.as_ref()),
        );
        let status = statuses.get(container.name.as_str());
        match status.and_then(|status| held(status)) {
            None => asked,
            Some(held) if infeasible => held,
            Some(mut held) => {
                raise(&mut held, &asked);
                held
            }
        }
    };
    let mut sum = sum(spec, &of);
    let whole = spec.resources.as_ref().and_then(|r| r.requests.as_ref());
    replace_by_pod_level(&mut sum, whole);
    add(&mut sum, &parse(spec.overhead.as_ref()));
    sum
}

/// The first status of each container.
fn statuses(pod: &Pod) -> HashMap<&str, &ContainerStatus> {
    let mut first = HashMap::new();
    let lists = pod.status.iter();
    let lists = lists.flat_map(|s| [&s.container_statuses, &s.init_container_statuses]);
    for status in lists.flatten().flatten() {
        first.entry(status.name.as_str()).or_insert(status);
    }
    first
}

/// What a started container holds.
fn held(status: &ContainerStatus) -> Option<ResourceList> {
    let mut held = parse(status.resources.as_ref()?.requests.as_ref());
    raise(&mut held, &parse(status.allocated_resources.as_ref()));
    Some(held)
}

/// The pod's limits (`PodLimits`): overhead is added only to what is limited.
#[must_use]
pub fn pod_limits(spec: &PodSpec) -> ResourceList {
    let limits = |r: &ResourceRequirements| parse(r.limits.as_ref());
    let mut sum = sum(spec, &|c| {
        c.resources.as_ref().map(limits).unwrap_or_default()
    });
    replace_by_pod_level(
        &mut sum,
        spec.resources.as_ref().and_then(|r| r.limits.as_ref()),
    );
    let mut overhead = parse(spec.overhead.as_ref());
    overhead.retain(|name, _| sum.get(name).is_some_and(|amount| !amount.is_zero()));
    add(&mut sum, &overhead);
    sum
}

fn sum(spec: &PodSpec, of: &dyn Fn(&Container) -> ResourceList) -> ResourceList {
    let mut total = ResourceList::new();
    for container in &spec.containers {
        add(&mut total, &of(container));
    }
    let mut sidecars = ResourceList::new();
    let mut largest = ResourceList::new();
    for container in spec.init_containers.iter().flatten() {
        let mut asked = of(container);
        if is_sidecar(container) {
            add(&mut total, &asked);
            add(&mut sidecars, &asked);
        }
        // What it does not ask for is as much as it was: each names only its own.
        for (name, amount) in &mut asked {
            let beside = sidecars.get(name).copied();
            *amount = match beside {
                Some(all) if is_sidecar(container) => all,
                Some(others) => *amount + others,
                None => *amount,
            };
        }
        raise(&mut largest, &asked);
    }
    raise(&mut total, &largest);
    total
}

/// `spec.resources` speaks for the whole pod about CPU, memory and huge pages.
fn replace_by_pod_level(sum: &mut ResourceList, whole: Option<&BTreeMap<String, QuantityText>>) {
    let named = |name: &str| matches!(name, "cpu" | "memory") || name.starts_with("hugepages-");
    sum.extend(parse(whole).into_iter().filter(|(name, _)| named(name)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use serde_json::{Value, json};

    fn container(cpu: &str) -> Value {
        json!({"name": "c", "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}}})
    }

    fn sidecar(cpu: &str) -> Value {
        let mut value = container(cpu);
        value["restartPolicy"] = "Always".into();
        value
    }

    fn pod(spec: &Value, status: &Value) -> Pod {
        let text = json!({"spec": spec, "status": status}).to_string();
        Pod::decode(text.as_bytes()).expect("a pod")
    }

    fn show(list: &ResourceList) -> String {
        let entries: Vec<_> = list.iter().map(|(k, v)| format!("{k}={v}")).collect();
        entries.join(" ")
    }

    #[test]
    fn requests_follow_the_order_of_containers() {
        let rows = [
            (json!({"containers": []}), ""),
            (
                json!({"containers": [container("1"), container("500m")]}),
                "cpu=1500m",
            ),
            (
                json!({"containers": [container("1")], "initContainers": [
                    container("2"), sidecar("1"), container("3"),
                ]}),
                "cpu=4",
            ),
            (
                json!({"containers": [container("1")], "initContainers": [sidecar("1")]}),
                "cpu=2",
            ),
            (
                json!({"containers": [container("1")], "overhead": {"cpu": "250m", "memory": "1Mi"}}),
                "cpu=1250m memory=1Mi",
            ),
            (
                json!({
                    "containers": [container("1")],
                    "resources": {"requests": {"cpu": "5", "other": "1"}},
                }),
                "cpu=5",
            ),
        ];
        for (spec, expected) in rows {
            let pod = pod(&spec, &json!({}));
            assert_eq!(show(&pod_requests(&pod.spec.expect("given"))), expected);
        }
    }

    /// A pod of 3 MiB: what is compared with what others hold takes minutes.
    #[test]
    fn many_containers_are_added_up_soon() {
        const MANY: usize = 20_000;
        let many = |of: &dyn Fn(usize) -> Value| -> Value { (0..MANY).map(of).collect() };
        let container = |name: String, asked: String| {
            let policy = if name.ends_with('1') { "" } else { "Always" };
            json!({
                "name": name, "restartPolicy": policy,
                "resources": {"requests": {asked: "1", "cpu": "1"}},
            })
        };
        let spec = json!({
            "initContainers": many(&|n| container(format!("i{n}"), format!("example.com/i{n}"))),
            "containers": many(&|n| container(format!("c{n}"), format!("example.com/c{n}"))),
        });
        let status = |n| {
            json!({
                "name": format!("s{n}"), "ready": true, "restartCount": 0, "image": "",
                "imageID": "", "resources": {},
            })
        };
        let pod = pod(&spec, &json!({"containerStatuses": many(&status)}));
        let sum = pod_requests_during_resize(&pod);
        assert_eq!(sum.len(), 2 * MANY + 1);
        assert_eq!(sum, pod_requests(&pod.spec.expect("given")));
    }

    #[test]
    fn overhead_limits_only_what_is_limited() {
        let spec = json!({
            "containers": [container("1")], "overhead": {"cpu": "250m", "memory": "1Mi"},
        });
        let pod = pod(&spec, &json!({}));
        assert_eq!(show(&pod_limits(&pod.spec.expect("given"))), "cpu=1250m");
    }

    #[test]
    fn a_resize_counts_the_larger_side_unless_it_cannot_happen() {
        let statuses = json!([{"name": "c", "ready": true, "restartCount": 0, "image": "", "imageID": "",
            "resources": {"requests": {"cpu": "1"}}, "allocatedResources": {"cpu": "1"}}]);
        let infeasible = json!([
            {"type": "PodResizePending", "status": "True", "reason": "Infeasible"},
        ]);
        let rows = [
            ("3", json!(null), "cpu=3"),
            ("500m", json!(null), "cpu=1"),
            ("3", infeasible, "cpu=1"),
        ];
        for (asked, conditions, expected) in rows {
            let status = json!({"containerStatuses": statuses, "conditions": conditions});
            let pod = pod(&json!({"containers": [container(asked)]}), &status);
            assert_eq!(show(&pod_requests_during_resize(&pod)), expected);
        }
    }
}
