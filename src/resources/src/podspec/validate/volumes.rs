//! Rules of volumes.

use std::collections::BTreeSet;

use apimachinery::{FieldError, FieldErrors, Quantity};

use super::Pod;
use super::env::{validate_field_ref, validate_resource_ref};
use super::mounts::no_backsteps;
use crate::at::{At, Rule, Rules, most_with_name, required};
use crate::json::Json;
use crate::meta;
use crate::podspec::validate_claim_spec;

const HOST_PATH_TYPES: [&str; 8] = [
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
];
/// What files of the downward API may hold.
const FILE_FIELDS: [&str; 5] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];
/// Ten minutes: shorter tokens expire before they are renewed.
const TOKEN_SECONDS: i64 = 600;

/// What each kind of volume must hold; the kinds without rules of their own pass.
const SOURCES: [(&str, Rule); 8] = [
    ("emptyDir", validate_empty_dir),
    ("hostPath", |at, errors| at.apply(HOST_PATH, errors)),
    ("secret", |at, errors| {
        required(&at.child("secretName"), errors);
        validate_files(at, errors);
    }),
    ("configMap", |at, errors| {
        required(&at.child("name"), errors);
        validate_files(at, errors);
    }),
    ("persistentVolumeClaim", |at, errors| {
        required(&at.child("claimName"), errors);
    }),
    ("nfs", |at, errors| at.apply(NFS, errors)),
    ("csi", |at, errors| {
        validate_driver(&at.child("driver"), errors)
    }),
    ("downwardAPI", validate_downward),
];

const HOST_PATH: Rules = &[
    ("path", |at, errors| {
        required(at, errors);
        no_backsteps(at, errors);
    }),
    ("type", |at, errors| at.one_of(&HOST_PATH_TYPES, errors)),
];
const NFS: Rules = &[
    ("server", required),
    ("path", |at, errors| {
        required(at, errors);
        if !at.text().is_empty() && !at.text().starts_with('/') {
            errors.push(at.invalid("must be an absolute path"));
        }
    }),
];

pub(super) fn validate_volumes(pod: &Pod<'_>, errors: &mut FieldErrors) {
    let mut names = BTreeSet::new();
    pod.spec.child("volumes").each(errors, |volume, errors| {
        validate_source(pod, &volume, errors);
        let name = volume.child("name");
        name.check_required(meta::dns_label, errors);
        if !name.text().is_empty() && !names.insert(name.text()) {
            errors.push(name.duplicate());
        }
    });
    if let Some(pod_name) = pod.name
        && !errors.is_full()
    {
        validate_made_claims(pod, pod_name, errors);
    }
}

/// An ephemeral volume makes a claim named after pod and volume, which is its own.
fn validate_made_claims(pod: &Pod<'_>, pod_name: &str, errors: &mut FieldErrors) {
    let volumes = pod.spec.child("volumes");
    let made = || {
        let volumes = volumes.items();
        volumes.filter(|volume| volume.child("ephemeral").is_present())
    };
    for volume in made().take(most_with_name(pod_name)) {
        let name = volume.child("name");
        let claim = format!("{pod_name}-{}", name.text());
        if let Err(details) = meta::dns_subdomain(&claim) {
            for detail in details.lines() {
                let detail = format!("PVC name \"{claim}\": {detail}");
                errors.push(name.invalid(detail));
            }
        }
    }
    let made: BTreeSet<&str> = made().map(|volume| volume.child("name").text()).collect();
    for volume in volumes.items() {
        let claim = volume.child("persistentVolumeClaim").child("claimName");
        let rest = claim.text().strip_prefix(pod_name);
        let of = rest.and_then(|rest| rest.strip_prefix('-'));
        if of.is_some_and(|name| made.contains(name)) {
            errors.push(
                claim.invalid("must not reference a PVC that gets created for an ephemeral volume"),
            );
        }
    }
}

/// Exactly one source; of several, the first is looked at.
fn validate_source(pod: &Pod<'_>, volume: &At<'_>, errors: &mut FieldErrors) {
    let fields = volume.value.as_object();
    let mut given = fields
        .into_iter()
        .flat_map(Json::iter)
        .filter(|(field, value)| *field != "name" && !value.is_null())
        .map(|(field, _)| field.as_str());
    let Some(first) = given.next() else {
        errors.push(volume.required("must specify a volume type"));
        return;
    };
    let source = volume.child(first);
    for another in given {
        let at = volume.child(another);
        errors.push(at.forbidden("may not specify more than 1 volume type"));
    }
    match first {
        "projected" => validate_projected(pod, &source, errors),
        "ephemeral" => validate_ephemeral(&source, errors),
        "image" if pod.name.is_some() => required(&source.child("reference"), errors),
        _ => {
            if let Some((_, rule)) = SOURCES.iter().find(|(field, _)| *field == first) {
                rule(&source, errors);
            }
        }
    }
}

fn validate_empty_dir(source: &At<'_>, errors: &mut FieldErrors) {
    let limit = source.child("sizeLimit");
    let is_negative = |text: &str| text.parse::<Quantity>().is_ok_and(|q| q.is_negative());
    if limit.is_present()
        && (limit.text().parse::<Quantity>().is_err() || is_negative(limit.text()))
    {
        errors.push(limit.forbidden("SizeLimit field must be a valid resource quantity"));
    }
}

fn validate_mode(mode: &At<'_>, errors: &mut FieldErrors) {
    if mode.int().is_some_and(|bits| !(0..=0o777).contains(&bits)) {
        errors.push(mode.invalid("must be a number between 0 and 0777 (octal), both inclusive"));
    }
}

/// Secrets, config maps and what is projected of them.
fn validate_files(source: &At<'_>, errors: &mut FieldErrors) {
    validate_mode(&source.child("defaultMode"), errors);
    for item in source.child("items").items() {
        required(&item.child("key"), errors);
        required(&item.child("path"), errors);
        validate_file_path(&item.child("path"), errors);
        validate_mode(&item.child("mode"), errors);
    }
}

/// Below the volume and out of the way of the directories that updates are swapped in by.
fn validate_file_path(path: &At<'_>, errors: &mut FieldErrors) {
    super::mounts::local_path(path, errors);
    let text = path.text();
    if text.starts_with("..") && !text.split('/').any(|part| part == "..") {
        errors.push(path.invalid("must not start with '..'"));
    }
}

fn validate_driver(driver: &At<'_>, errors: &mut FieldErrors) {
    if driver.text().is_empty() {
        errors.push(driver.required(""));
        return;
    }
    if driver.text().len() > 63 {
        errors.push(FieldError::too_long(&driver.path, 63));
    }
    if let Err(details) = meta::dns_subdomain(&driver.text().to_lowercase()) {
        for detail in details.lines() {
            errors.push(driver.invalid(detail));
        }
    }
}

fn validate_downward(source: &At<'_>, errors: &mut FieldErrors) {
    validate_mode(&source.child("defaultMode"), errors);
    for item in source.child("items").items() {
        // Upstream's paths leave the items out here.
        let at = At {
            path: source.path.clone(),
            value: item.value,
        };
        validate_downward_file(&at, errors);
    }
}

fn validate_downward_file(file: &At<'_>, errors: &mut FieldErrors) {
    let path = file.child("path");
    required(&path, errors);
    validate_file_path(&path, errors);
    let (field, resource) = (file.child("fieldRef"), file.child("resourceFieldRef"));
    match (field.is_present(), resource.is_present()) {
        (true, both) => {
            validate_field_ref(&field, &FILE_FIELDS, errors);
            if both {
                let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
                errors.push(file.invalid(detail));
            }
        }
        (false, true) => validate_resource_ref(&resource, true, errors),
        (false, false) => {
            errors.push(file.required("one of fieldRef and resourceFieldRef is required"));
        }
    }
    validate_mode(&file.child("mode"), errors);
}

fn validate_projected(pod: &Pod<'_>, volume: &At<'_>, errors: &mut FieldErrors) {
    validate_mode(&volume.child("defaultMode"), errors);
    let mut paths = BTreeSet::new();
    for source in volume.child("sources").items() {
        let fields = source.value.as_object();
        let mut given = fields
            .into_iter()
            .flat_map(Json::iter)
            .filter(|(_, value)| !value.is_null());
        let Some((first, _)) = given.next() else {
            continue;
        };
        for (another, _) in given {
            let at = source.child(another);
            errors.push(at.forbidden("may not specify more than 1 volume type per source"));
        }
        validate_projection(pod, first, &source.child(first), &mut paths, errors);
    }
}

/// Two sources cannot write the same file.
fn validate_projection<'a>(
    pod: &Pod<'_>,
    kind: &str,
    source: &At<'a>,
    paths: &mut BTreeSet<&'a str>,
    errors: &mut FieldErrors,
) {
    let files: Vec<At<'a>> = match kind {
        "serviceAccountToken" => {
            validate_token(pod, source, errors);
            vec![source.clone()]
        }
        "secret" | "configMap" => {
            required(&source.child("name"), errors);
            validate_files(source, errors);
            source.child("items").items().collect()
        }
        "downwardAPI" => {
            validate_downward(source, errors);
            source.child("items").items().collect()
        }
        _ => return,
    };
    for file in files {
        let path = file.child("path").text();
        if !path.is_empty() && !paths.insert(path) {
            errors.push(FieldError::invalid(
                &source.path,
                path,
                "conflicting duplicate paths",
            ));
        }
    }
}

fn validate_token(pod: &Pod<'_>, token: &At<'_>, errors: &mut FieldErrors) {
    let seconds = token.child("expirationSeconds");
    let value = seconds.int().unwrap_or(0);
    if value < TOKEN_SECONDS {
        let detail = "may not specify a duration less than 10 minutes";
        errors.push(FieldError::invalid(&seconds.path, value, detail));
    }
    if value > 1 << 32 {
        errors.push(seconds.invalid("may not specify a duration larger than 2^32 seconds"));
    }
    let path = token.child("path");
    required(&path, errors);
    if !path.text().is_empty() {
        validate_file_path(&path, errors);
    }
    if pod.name.is_some() && pod.spec.child("serviceAccountName").text().is_empty() {
        let detail = "must not be specified when serviceAccountName is not set";
        errors.push(token.forbidden(detail));
    }
}

fn validate_ephemeral(source: &At<'_>, errors: &mut FieldErrors) {
    let template = source.child("volumeClaimTemplate");
    if !template.is_present() {
        errors.push(template.required(""));
        return;
    }
    let metadata = template.child("metadata");
    meta::validate_labels(&metadata.child("labels"), errors);
    meta::validate_annotations(&metadata.child("annotations"), errors);
    validate_claim_spec(&template.child("spec"), errors);
}
