//! Rules of names, gates, claims, tolerations and other single fields of a pod spec.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors};

use super::resources::validate_limits;
use crate::at::{At, Rules};
use crate::meta;

fn subdomain(at: &At<'_>, errors: &mut FieldErrors) {
    at.check_optional(meta::dns_subdomain, errors);
}

fn label(at: &At<'_>, errors: &mut FieldErrors) {
    at.check_optional(meta::dns_label, errors);
}

/// Checked before tolerations.
pub(super) const NAMES: Rules = &[
    ("serviceAccountName", subdomain),
    ("nodeName", subdomain),
    ("activeDeadlineSeconds", |at, errors| {
        let max = i64::from(i32::MAX);
        if at
            .int()
            .is_some_and(|seconds| !(1..=max).contains(&seconds))
        {
            errors.push(at.invalid(format!("must be between 1 and {max}, inclusive")));
        }
    }),
    ("hostname", label),
    ("subdomain", label),
];

/// Checked after tolerations.
pub(super) const LAST: Rules = &[
    ("hostAliases", validate_aliases),
    ("priorityClassName", subdomain),
    ("runtimeClassName", subdomain),
    ("preemptionPolicy", |at, errors| {
        at.one_of_or_none(&["PreemptLowerPriority", "Never"], errors);
    }),
    ("overhead", validate_limits),
    ("os", |os, errors| {
        if os.is_present() {
            let name = os.child("name");
            if name.text().is_empty() {
                errors.push(name.required(""));
            } else {
                name.one_of(&["linux", "windows"], errors);
            }
        }
    }),
];

const HOSTNAME_SIZE: usize = 64;

/// `spec.hostnameOverride`: a host name of any form, where the pod has one of its own.
pub(super) fn validate_hostname_override(spec: &At<'_>, errors: &mut FieldErrors) {
    let hostname = spec.child("hostnameOverride");
    if !hostname.is_present() {
        return;
    }
    for field in ["hostNetwork", "setHostnameAsFQDN"] {
        if spec.child(field).flag() {
            errors.push(hostname.forbidden(&format!("may not be specified when {field} is true")));
        }
    }
    if hostname.text().len() > HOSTNAME_SIZE {
        errors.push(FieldError::too_long(&hostname.path, HOSTNAME_SIZE));
    }
    hostname.check(meta::dns_subdomain, errors);
}

fn validate_aliases(aliases: &At<'_>, errors: &mut FieldErrors) {
    for alias in aliases.items() {
        alias.child("ip").check(meta::ip, errors);
        for hostname in alias.child("hostnames").items() {
            hostname.check(meta::dns_subdomain, errors);
        }
    }
}

pub(super) fn validate_gates(spec: &At<'_>, errors: &mut FieldErrors) {
    for gate in spec.child("readinessGates").items() {
        gate.child("conditionType")
            .check(meta::qualified_name, errors);
    }
    let mut seen = BTreeSet::new();
    for gate in spec.child("schedulingGates").items() {
        let name = gate.child("name");
        let before = errors.0.len();
        crate::at::check_text(&gate.path, name.text(), meta::qualified_name, errors);
        if errors.0.len() == before && !seen.insert(name.text()) {
            errors.push(FieldError::duplicate(&gate.path, name.text()));
        }
    }
}

pub(super) fn validate_resource_claims(claims: &At<'_>, errors: &mut FieldErrors) {
    let mut names = BTreeSet::new();
    for claim in claims.items() {
        let name = claim.child("name");
        name.check_required(meta::dns_label, errors);
        if !name.text().is_empty() && !names.insert(name.text()) {
            errors.push(name.duplicate());
        }
        let sources = ["resourceClaimName", "resourceClaimTemplateName"];
        let given = sources.map(|field| claim.child(field).is_present());
        if given[0] == given[1] {
            let detail = if given[0] {
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            } else {
                "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            };
            errors.push(claim.invalid(detail));
        }
        for field in sources {
            claim
                .child(field)
                .check_optional(meta::dns_subdomain, errors);
        }
    }
}

/// Tolerations of a pod; what they tolerate need not exist.
pub(crate) fn validate_tolerations(tolerations: &At<'_>, errors: &mut FieldErrors) {
    tolerations.each(errors, |toleration, errors| {
        let (key, value) = (toleration.child("key"), toleration.child("value"));
        let (operator, effect) = (toleration.child("operator"), toleration.child("effect"));
        key.check_optional(meta::qualified_name, errors);
        if key.text().is_empty() && operator.text() != "Exists" {
            errors.push(FieldError::invalid(
                &operator.path,
                operator.text(),
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
            ));
        }
        if toleration.child("tolerationSeconds").is_present() && effect.text() != "NoExecute" {
            errors.push(FieldError::invalid(
                &effect.path,
                effect.text(),
                "effect must be 'NoExecute' when `tolerationSeconds` is set",
            ));
        }
        match operator.text() {
            "" | "Equal" => {
                if let Err(details) = meta::label_value(value.text()) {
                    errors.push(FieldError::invalid(
                        &operator.path,
                        value.text(),
                        details.lines().collect::<Vec<_>>().join(";"),
                    ));
                }
            }
            "Exists" if value.text().is_empty() => {}
            // The path says operator and the value is the whole toleration's.
            "Exists" => errors.push(FieldError::invalid(
                &operator.path,
                toleration.value.clone(),
                "value must be empty when `operator` is 'Exists'",
            )),
            _ => operator.one_of(&["Equal", "Exists"], errors),
        }
        effect.one_of_or_none(&["NoSchedule", "PreferNoSchedule", "NoExecute"], errors);
    });
}
