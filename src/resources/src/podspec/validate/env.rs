//! Rules of environment variables and of references to fields.

use apimachinery::{FieldError, FieldErrors};

use super::Pod;
use crate::at::{At, required};
use crate::json;
use crate::meta;

const ONE_FIELD: &str = "may not have more than one field specified at a time";
const SOURCES: [&str; 5] = [
    "fieldRef",
    "resourceFieldRef",
    "configMapKeyRef",
    "secretKeyRef",
    "fileKeyRef",
];
/// What an environment variable may be set from.
const ENV_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// Fields that field paths know, but that nothing may be set from.
const KNOWN_FIELDS: [&str; 7] = [
    "metadata.annotations",
    "metadata.labels",
    "spec.hostNetwork",
    "spec.restartPolicy",
    "spec.schedulerName",
    "status.nominatedNodeName",
    "status.phase",
];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

pub(super) fn validate_env(pod: &Pod<'_>, env: &At<'_>, errors: &mut FieldErrors) {
    env.each(errors, |variable, errors| {
        variable
            .child("name")
            .check_required(meta::env_name, errors);
        let from = variable.child("valueFrom");
        if from.is_present() {
            validate_value_from(pod, &variable, &from, errors);
        }
    });
}

fn validate_value_from(pod: &Pod<'_>, variable: &At<'_>, from: &At<'_>, errors: &mut FieldErrors) {
    for field in SOURCES {
        let source = from.child(field);
        if !source.is_present() {
            continue;
        }
        match field {
            "fieldRef" => validate_field_ref(&source, &ENV_FIELDS, errors),
            "resourceFieldRef" => validate_resource_ref(&source, false, errors),
            "fileKeyRef" => validate_file_ref(pod, &source, errors),
            _ => {
                source.child("name").check(meta::dns_subdomain, errors);
                source
                    .child("key")
                    .check_required(meta::config_map_key, errors);
            }
        }
    }
    let count = SOURCES
        .iter()
        .filter(|field| from.child(field).is_present());
    let detail = match count.count() {
        0 => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        }
        _ if !variable.child("value").text().is_empty() => {
            "may not be specified when `value` is not empty"
        }
        1 => return,
        _ => ONE_FIELD,
    };
    errors.push(FieldError::invalid(&from.path, "", detail));
}

/// `metadata.labels['key']` and `metadata.annotations['key']` name one entry of a map.
fn subscript(path: &str) -> Option<(&str, &str)> {
    let (field, rest) = path.split_once("['")?;
    Some((field, rest.strip_suffix("']")?))
}

pub(super) fn validate_field_ref(reference: &At<'_>, supported: &[&str], errors: &mut FieldErrors) {
    required(&reference.child("apiVersion"), errors);
    let path = reference.child("fieldPath");
    if path.text().is_empty() {
        errors.push(path.required(""));
        return;
    }
    match subscript(path.text()) {
        Some(("metadata.labels", key)) => {
            check_key(&path, key, errors);
            return;
        }
        Some(("metadata.annotations", key)) => {
            check_key(&path, &key.to_lowercase(), errors);
            return;
        }
        _ => {}
    }
    let text = path.text();
    if supported.contains(&text) {
        return;
    }
    if ENV_FIELDS.contains(&text) || KNOWN_FIELDS.contains(&text) {
        errors.push(path.not_supported(supported));
    } else {
        errors.push(path.invalid(format!(
            "error converting fieldPath: field label not supported: {text}"
        )));
    }
}

fn check_key(path: &At<'_>, key: &str, errors: &mut FieldErrors) {
    crate::at::check_text(&path.path, key, meta::qualified_name, errors);
}

/// In a volume, where no container is at hand, the reference names it.
pub(super) fn validate_resource_ref(reference: &At<'_>, in_volume: bool, errors: &mut FieldErrors) {
    let container = reference.child("containerName");
    let resource = reference.child("resource");
    if in_volume && container.text().is_empty() {
        errors.push(container.required(""));
    } else if resource.text().is_empty() {
        errors.push(resource.required(""));
    } else if !is_huge(resource.text()) {
        resource.one_of(&RESOURCES, errors);
    }
    validate_divisor(resource.text(), &reference.child("divisor"), errors);
}

fn is_huge(resource: &str) -> bool {
    resource.starts_with("limits.hugepages-") || resource.starts_with("requests.hugepages-")
}

const CPU_DIVISORS: [&str; 2] = ["1m", "1"];
const DIVISORS: [&str; 13] = [
    "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei",
];

fn validate_divisor(resource: &str, divisor: &At<'_>, errors: &mut FieldErrors) {
    if matches!(divisor.text(), "" | "0") {
        return;
    }
    let (divisors, detail): (&[&str], _) = if resource.ends_with(".cpu") {
        (
            &CPU_DIVISORS,
            "only divisor's values 1m and 1 are supported with the cpu resource",
        )
    } else if resource.ends_with(".memory") {
        (
            &DIVISORS,
            "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource",
        )
    } else {
        (
            &DIVISORS,
            "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the local ephemeral storage resource",
        )
    };
    if !divisors.contains(&divisor.text()) {
        let at = divisor.path.clone();
        errors.push(FieldError::invalid(&at, divisor.text(), detail));
    }
}

fn validate_file_ref(pod: &Pod<'_>, reference: &At<'_>, errors: &mut FieldErrors) {
    let volume = reference.child("volumeName");
    match pod.volumes.get(volume.text()) {
        _ if volume.text().is_empty() => errors.push(volume.required("")),
        None => errors.push(volume.not_found()),
        Some(fields) if json::map(fields, "emptyDir").is_none() => {
            errors.push(volume.invalid("referenced volume must be of type emptyDir"));
        }
        Some(_) => {}
    }
    required(&reference.child("path"), errors);
    reference
        .child("key")
        .check_required(meta::env_name, errors);
}

pub(super) fn validate_env_from(list: &At<'_>, errors: &mut FieldErrors) {
    for source in list.items() {
        source
            .child("prefix")
            .check_optional(meta::env_name, errors);
        let mut count = 0;
        for field in ["configMapRef", "secretRef"] {
            let reference = source.child(field);
            if reference.is_present() {
                count += 1;
                reference
                    .child("name")
                    .check_required(meta::dns_subdomain, errors);
            }
        }
        let detail = match count {
            0 => "must specify one of: `configMapRef` or `secretRef`",
            1 => continue,
            _ => ONE_FIELD,
        };
        errors.push(FieldError::invalid(&list.path, "", detail));
    }
}
