//! What may be said of a pod: errors of an update of `/status`.

mod claims;
mod containers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use apimachinery::{FieldError, FieldErrors, Object};
use serde_json::{Value, json};

use super::update::validate_fixed_annotations;
use super::{app_armor, create};
use crate::at::{At, immutable};
use crate::json;

/// Conditions whose types are known to be good names.
const OWN_CONDITIONS: [&str; 3] = ["PodScheduled", "Ready", "Initialized"];
const GENERATION: &str = "observedGeneration";

/// A client that knows nothing of generations does not take away what others observed.
pub(super) fn keep_observed_generations(new: &mut Object, old: &Object) {
    let Some(before) = json::map(old, "status") else {
        return;
    };
    // Validation lets several conditions share a type: they are matched in their order.
    let mut observed: BTreeMap<&str, VecDeque<Option<&Value>>> = BTreeMap::new();
    for condition in json::maps(before, "conditions") {
        let of_type = observed.entry(json::text(condition, "type")).or_default();
        of_type.push_back(condition.get(GENERATION));
    }
    let status = new.map_mut("status");
    keep(status, before.get(GENERATION));
    for condition in json::maps_mut(status, "conditions") {
        let kind = json::text(condition, "type");
        let kept = observed.get_mut(kind).and_then(VecDeque::pop_front);
        keep(condition, kept.flatten());
    }
}

fn keep(fields: &mut json::Json, before: Option<&Value>) {
    if let Some(before) = before
        && json::is_zero(fields.get(GENERATION))
    {
        fields.insert(GENERATION.to_owned(), before.clone());
    }
}

/// Errors of an update of `/status`, in upstream's order.
pub(super) fn validate_update(new: &Object, old: &Object, errors: &mut FieldErrors) {
    // Without its mark a mirror pod would open what it names to its node.
    validate_fixed_annotations(new, old, errors);
    create::validate_annotations(new, errors);
    app_armor::validate_annotations(new, errors);
    let (status, before) = (At::root(new, "status"), At::root(old, "status"));
    validate_conditions(&status.child("conditions"), errors);
    let is_bound = !At::root(old, "spec").child("nodeName").text().is_empty();
    let nominated = status.child("nominatedNodeName");
    if nominated.text() != before.child("nominatedNodeName").text() {
        nominated.check_optional(crate::meta::dns_subdomain, errors);
        if is_bound && !nominated.text().is_empty() {
            errors.push(
                nominated.forbidden("may not be set on pods that are already bound to a node"),
            );
        }
    }
    validate_generation(&status, errors);
    let class = status.child("qosClass");
    immutable(&class, &before.child("qosClass"), errors);
    let spec = At::root(new, "spec");
    containers::validate_transitions(&status, &before, &spec, errors);
    claims::validate_named(&status, &spec, errors);
    claims::validate_extended(&status.child("extendedResourceClaimStatus"), &spec, errors);
    validate_ips(&status.child("podIPs"), &before.child("podIPs"), errors);
    let hosts = status.child("hostIPs");
    if let Some(entry) = hosts.items().next() {
        let first = entry.child("ip");
        if first.text() != status.child("hostIP").text() {
            errors.push(first.invalid("must be equal to `hostIP`"));
        }
    }
    validate_ips(&hosts, &before.child("hostIPs"), errors);
    containers::validate_users(&status, &spec, errors);
    containers::validate_allocated(&status, &spec, errors);
}

/// The first container of each name.
fn by_name<'a>(containers: impl Iterator<Item = At<'a>>) -> BTreeMap<&'a str, At<'a>> {
    let mut found = BTreeMap::new();
    for container in containers {
        let first = found.entry(container.child("name").text());
        first.or_insert(container);
    }
    found
}

fn validate_conditions(conditions: &At<'_>, errors: &mut FieldErrors) {
    for condition in conditions.items() {
        validate_generation(&condition, errors);
        let kind = condition.child("type");
        if !OWN_CONDITIONS.contains(&kind.text()) {
            // Upstream writes the field's name in Go.
            let path = condition.path.child("Type");
            let check = crate::meta::qualified_name;
            crate::at::check_text(&path, kind.text(), check, errors);
        }
    }
}

fn validate_generation(at: &At<'_>, errors: &mut FieldErrors) {
    let generation = at.child(GENERATION);
    if generation.int().is_some_and(|number| number < 0) {
        errors.push(generation.invalid("must be a non-negative integer"));
    }
}

/// Addresses are good, unless they were there before; one of each family, none twice.
fn validate_ips(ips: &At<'_>, old: &At<'_>, errors: &mut FieldErrors) {
    let texts = |ips: &At<'_>| -> Vec<String> {
        ips.items()
            .map(|entry| entry.child("ip").text().to_owned())
            .collect()
    };
    let now = texts(ips);
    let before: BTreeSet<String> = texts(old).into_iter().collect();
    for (index, ip) in now.iter().enumerate() {
        if !before.contains(ip) {
            crate::at::check_text(&ips.path.index(index), ip, crate::meta::ip, errors);
        }
    }
    if now.len() < 2 {
        return;
    }
    let parsed = now.iter().map(|ip| crate::meta::parse_ip(ip));
    let families: Vec<Option<bool>> = parsed.map(|ip| Some(ip?.is_ipv4())).collect();
    let bad = families.iter().position(Option::is_none);
    if let Some(index) = bad {
        let why = format!("failed to check for dual stack with error:invalid IP[{index}]: <nil>");
        errors.push(FieldError::internal(&ips.path, why));
    }
    let shown = |ip: &String| json!({"IP": ip});
    if bad.is_some() || now.len() > 2 || families[0] == families[1] {
        let all: Vec<Value> = now.iter().map(shown).collect();
        let detail = "may specify no more than one IP for each IP family";
        errors.push(FieldError::invalid(&ips.path, all, detail));
    }
    let mut seen = BTreeSet::new();
    for (index, ip) in now.iter().enumerate() {
        if !seen.insert(ip) {
            errors.push(FieldError::duplicate(&ips.path.index(index), shown(ip)));
        }
    }
}

/// What is told of addresses of an old form.
pub(super) fn warnings(new: &Object) -> Vec<String> {
    let status = At::root(new, "status");
    let lists = ["podIPs", "hostIPs"].map(|list| status.child(list));
    let ips = lists.iter().flat_map(At::items);
    ips.filter_map(|entry| crate::core::service::non_standard_ip(&entry.child("ip")))
        .collect()
}
