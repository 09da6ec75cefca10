//! Rules of where a pod wants to be.

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::{FieldError, FieldErrors};

use crate::at::{At, positive};
use crate::meta::{self, validate_label_selector};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

pub(super) fn validate_affinity(affinity: &At<'_>, errors: &mut FieldErrors) {
    validate_node_affinity(&affinity.child("nodeAffinity"), errors);
    for field in ["podAffinity", "podAntiAffinity"] {
        let pods = affinity.child(field);
        for term in pods.child(REQUIRED).items() {
            validate_pod_term(&term, errors);
        }
        for weighted in pods.child(PREFERRED).items() {
            validate_weight(&weighted.child("weight"), errors);
            validate_pod_term(&weighted.child("podAffinityTerm"), errors);
        }
    }
}

fn validate_weight(weight: &At<'_>, errors: &mut FieldErrors) {
    let value = weight.int().unwrap_or(0);
    if !(1..=100).contains(&value) {
        errors.push(FieldError::invalid(
            &weight.path,
            value,
            "must be in the range 1-100",
        ));
    }
}

fn validate_node_affinity(nodes: &At<'_>, errors: &mut FieldErrors) {
    let required = nodes.child(REQUIRED);
    if required.is_present() {
        validate_node_selector(&required, errors);
    }
    for preferred in nodes.child(PREFERRED).items() {
        validate_weight(&preferred.child("weight"), errors);
        validate_node_term(&preferred.child("preference"), errors);
    }
}

/// `core.NodeSelector`: of pods, volumes and the like.
pub(crate) fn validate_node_selector(selector: &At<'_>, errors: &mut FieldErrors) {
    let terms = selector.child("nodeSelectorTerms");
    if terms.is_zero() {
        errors.push(terms.required("must have at least one node selector term"));
    }
    for term in terms.items() {
        validate_node_term(&term, errors);
    }
}

fn validate_node_term(term: &At<'_>, errors: &mut FieldErrors) {
    for requirement in term.child("matchExpressions").items() {
        validate_node_values(&requirement, errors);
        requirement.child("key").check(meta::qualified_name, errors);
    }
    for requirement in term.child("matchFields").items() {
        let (key, operator) = (requirement.child("key"), requirement.child("operator"));
        let values = requirement.child("values");
        match operator.text() {
            "In" | "NotIn" if values.items().count() != 1 => errors.push(values.required(
                "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
            )),
            "In" | "NotIn" => {}
            _ => errors.push(operator.invalid("not a valid selector operator")),
        }
        if key.text() == "metadata.name" {
            for value in values.items() {
                value.check(meta::dns_subdomain, errors);
            }
        } else {
            errors.push(key.invalid("not a valid field selector key"));
        }
    }
}

fn validate_node_values(requirement: &At<'_>, errors: &mut FieldErrors) {
    let (operator, values) = (requirement.child("operator"), requirement.child("values"));
    let count = values.items().count();
    match operator.text() {
        "In" | "NotIn" if count == 0 => {
            errors.push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
        }
        "Exists" | "DoesNotExist" if count > 0 => errors.push(
            values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        ),
        "Gt" | "Lt" if count != 1 => errors.push(
            values.required("must be specified single value when `operator` is 'Lt' or 'Gt'"),
        ),
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        _ => errors.push(operator.invalid("not a valid selector operator")),
    }
}

fn validate_pod_term(term: &At<'_>, errors: &mut FieldErrors) {
    validate_label_selector(&term.child("labelSelector"), errors);
    validate_label_selector(&term.child("namespaceSelector"), errors);
    for namespace in term.child("namespaces").items() {
        namespace.check(meta::dns_label, errors);
    }
    let topology = term.child("topologyKey");
    if topology.text().is_empty() {
        errors.push(topology.required("can not be empty"));
    } else {
        topology.check(meta::qualified_name, errors);
    }
    validate_match_keys(term, errors);
}

fn validate_match_keys(term: &At<'_>, errors: &mut FieldErrors) {
    let selector = term.child("labelSelector");
    for field in ["matchLabelKeys", "mismatchLabelKeys"] {
        let keys = term.child(field);
        if !keys.is_zero() && !selector.is_present() {
            errors.push(keys.forbidden("must not be specified when labelSelector is not set"));
            continue;
        }
        for key in keys.items() {
            key.check(meta::qualified_name, errors);
        }
    }
    validate_merged_keys(term, errors);
    let mismatch = term.child("mismatchLabelKeys");
    // A body holds hundreds of thousands of each.
    let mismatch: BTreeSet<&str> = mismatch.items().map(|key| key.text()).collect();
    for key in term.child("matchLabelKeys").items() {
        if mismatch.contains(key.text()) {
            errors.push(key.invalid("exists in both matchLabelKeys and mismatchLabelKeys"));
        }
    }
}

/// A new pod's `matchLabelKeys` have been written out at the end of the selector: one that the
/// selector names before has been there without them. Upstream names the term itself by the
/// key's index.
fn validate_merged_keys(term: &At<'_>, errors: &mut FieldErrors) {
    let selector = term.child("labelSelector");
    let keys = term.child("matchLabelKeys");
    let keys = keys.items().enumerate();
    let last: BTreeMap<&str, usize> = keys.map(|(index, key)| (key.text(), index)).collect();
    let labels = selector.child("matchLabels");
    let mut named: BTreeSet<&str> = labels.entries().map(|(key, _)| key).collect();
    for expression in selector.child("matchExpressions").items() {
        let name = expression.child("key").text();
        if let Some(index) = last.get(name).filter(|_| named.contains(name)) {
            let why = "exists in both matchLabelKeys and labelSelector";
            let path = term.path.index(*index);
            errors.push(FieldError::invalid(&path, name, why));
        }
        named.insert(name);
    }
}

pub(super) fn validate_spread(constraints: &At<'_>, errors: &mut FieldErrors) {
    let mut seen = BTreeSet::new();
    for constraint in constraints.items() {
        let skew = constraint.child("maxSkew");
        if skew.is_zero() {
            errors.push(FieldError::invalid(
                &skew.path,
                0,
                "must be greater than zero",
            ));
        }
        positive(&skew, errors);
        let (topology, action) = (
            constraint.child("topologyKey"),
            constraint.child("whenUnsatisfiable"),
        );
        if topology.text().is_empty() {
            errors.push(topology.required("can not be empty"));
        } else {
            topology.check(meta::qualified_name, errors);
        }
        action.one_of(&["DoNotSchedule", "ScheduleAnyway"], errors);
        if !seen.insert((topology.text(), action.text())) {
            let path = constraint.path.child("{topologyKey, whenUnsatisfiable}");
            let pair = format!("{{{}, {}}}", topology.text(), action.text());
            errors.push(FieldError::duplicate(&path, pair));
        }
        validate_min_domains(&constraint, errors);
        for field in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            let policy = constraint.child(field);
            policy.one_of_or_none(&["Honor", "Ignore"], errors);
        }
        validate_match_keys(&constraint, errors);
        validate_label_selector(&constraint.child("labelSelector"), errors);
    }
}

fn validate_min_domains(constraint: &At<'_>, errors: &mut FieldErrors) {
    let domains = constraint.child("minDomains");
    positive(&domains, errors);
    let action = constraint.child("whenUnsatisfiable").text();
    if domains.is_present() && action != "DoNotSchedule" {
        errors.push(domains.invalid(format!(
            "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
        )));
    }
}
