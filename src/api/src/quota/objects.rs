//! The cost of services, claims and plain objects.

use apimachinery::{GroupResource, Object, Quantity};
use serde_json::Value;

use crate::requests::ResourceList;

const REQUESTED_STORAGE: &str = "requests.storage";
const CLAIMS: &str = "persistentvolumeclaims";
/// `fast.storageclass.storage.k8s.io/requests.storage` is of the class `fast`.
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";
/// Where a claim's class was named before there was a field for it.
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";
/// Core resources whose count has a name without `count/` too.
const ALIASED: [&str; 4] = [
    "configmaps",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
];

/// `count/pods`, `count/deployments.apps`.
pub(super) fn count_of(resource: &GroupResource) -> String {
    format!("count/{resource}")
}

fn one() -> Quantity {
    Quantity::from_units(1)
}

fn alias(resource: &GroupResource) -> Option<&str> {
    let found = ALIASED.contains(&&*resource.resource) && resource.group.is_empty();
    found.then_some(&resource.resource)
}

pub(super) fn counts_object(resource: &GroupResource, name: &str) -> bool {
    name == count_of(resource) || alias(resource) == Some(name)
}

pub(super) fn object_usage(resource: &GroupResource) -> ResourceList {
    let mut usage = ResourceList::from([(count_of(resource), one())]);
    usage.extend(alias(resource).map(|name| (name.to_owned(), one())));
    usage
}

pub(super) fn counts_service(name: &str) -> bool {
    [
        "count/services",
        "services",
        "services.nodeports",
        "services.loadbalancers",
    ]
    .contains(&name)
}

/// Node ports are counted by what is wished for: they are allocated later.
pub(super) fn service_usage(service: &Object) -> ResourceList {
    let ports = || {
        let ports = service.at("/spec/ports").and_then(Value::as_array);
        ports.into_iter().flatten()
    };
    let numbered = |port: &&Value| port["nodePort"].as_i64().is_some_and(|n| n != 0);
    let type_ = service.at("/spec/type").and_then(Value::as_str);
    let allocates = service.at("/spec/allocateLoadBalancerNodePorts") != Some(&false.into());
    let node_ports = match type_ {
        Some("NodePort") => ports().count(),
        Some("LoadBalancer") if allocates => ports().count(),
        Some("LoadBalancer") => ports().filter(numbered).count(),
        _ => 0,
    };
    let node_ports = Quantity::from_units(i64::try_from(node_ports).unwrap_or(i64::MAX));
    let balancers = Quantity::from_units(i64::from(type_ == Some("LoadBalancer")));
    ResourceList::from([
        ("count/services".to_owned(), one()),
        ("services".to_owned(), one()),
        ("services.nodeports".to_owned(), node_ports),
        ("services.loadbalancers".to_owned(), balancers),
    ])
}

pub(super) fn counts_claim(name: &str) -> bool {
    let of_class = name.split_once(OF_CLASS).map(|(_, what)| what);
    ["count/persistentvolumeclaims", CLAIMS, REQUESTED_STORAGE].contains(&name)
        || of_class.is_some_and(|what| [CLAIMS, REQUESTED_STORAGE].contains(&what))
}

pub(super) fn claim_usage(claim: &Object) -> ResourceList {
    let amount =
        |pointer| -> Option<Quantity> { claim.at(pointer).and_then(Value::as_str)?.parse().ok() };
    // A claim that shrinks its wish again still holds what it was given.
    let storage = amount("/spec/resources/requests/storage")
        .max(amount("/status/allocatedResources/storage"));
    let mut usage = ResourceList::from([("count/persistentvolumeclaims".to_owned(), one())]);
    let mut cost = |name: String| {
        usage.insert(format!("{name}{CLAIMS}"), one());
        usage.extend(storage.map(|storage| (format!("{name}{REQUESTED_STORAGE}"), storage)));
    };
    cost(String::new());
    let class = claim.annotation(CLASS_ANNOTATION);
    let class = class.or_else(|| claim.at("/spec/storageClassName")?.as_str());
    if let Some(class) = class.filter(|class| !class.is_empty()) {
        cost(format!("{class}{OF_CLASS}"));
    }
    usage
}
