//! Rules of PersistentVolumes.

use apimachinery::{FieldError, FieldErrors, Object};
use serde_json::Value;

use crate::at::{At, required};
use crate::json::{self, Json};
use crate::meta::dns_subdomain;
use crate::podspec::{
    VOLUME_MODES, positive_quantity, validate_access_modes, validate_node_selector,
};
use crate::storage::validate_driver_name;

/// Where the data can be.
const SOURCES: [&str; 22] = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "glusterfs",
    "hostPath",
    "iscsi",
    "local",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
];

pub(super) fn validate_volume(volume: &Object) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let spec = At::root(volume, "spec");
    let modes = spec.child("accessModes");
    required(&modes, &mut errors);
    validate_access_modes(&modes, &mut errors);
    validate_capacity(&spec.child("capacity"), &mut errors);
    let policy = spec.child("persistentVolumeReclaimPolicy");
    policy.one_of_or_none(&["Delete", "Recycle", "Retain"], &mut errors);
    validate_affinity(&spec.child("nodeAffinity"), &mut errors);
    validate_source(&spec, &mut errors);
    for class in ["storageClassName", "volumeAttributesClassName"] {
        spec.child(class).check_optional(dns_subdomain, &mut errors);
    }
    let mode = spec.child("volumeMode");
    if mode.is_present() {
        mode.one_of(&VOLUME_MODES, &mut errors);
    }
    errors
}

fn validate_capacity(capacity: &At<'_>, errors: &mut FieldErrors) {
    required(capacity, errors);
    let is_storage = capacity.entries().count() == 1 && capacity.child("storage").is_present();
    if !capacity.is_zero() && !is_storage {
        errors.push(FieldError::not_supported(
            &capacity.path,
            capacity.value.clone(),
            &["storage"],
        ));
    }
    for (_, quantity) in capacity.entries() {
        positive_quantity(&quantity, errors);
    }
}

fn validate_affinity(affinity: &At<'_>, errors: &mut FieldErrors) {
    if !affinity.is_present() {
        return;
    }
    let needed = affinity.child("required");
    if needed.is_present() {
        validate_node_selector(&needed, errors);
    } else {
        errors.push(needed.required("must specify required node constraints"));
    }
}

fn validate_source(spec: &At<'_>, errors: &mut FieldErrors) {
    let mut given = SOURCES
        .iter()
        .map(|field| spec.child(field))
        .filter(At::is_present);
    let Some(source) = given.next() else {
        errors.push(spec.required("must specify a volume type"));
        return;
    };
    for other in given {
        errors.push(other.forbidden("may not specify more than 1 volume type"));
    }
    let path = source.child("path");
    if let Some(host) = Some(spec.child("hostPath")).filter(At::is_present) {
        let path = host.child("path");
        required(&path, errors);
        if path.text().split('/').any(|part| part == "..") {
            errors.push(path.invalid("must not contain '..'"));
        }
        let is_root = path.text().trim_end_matches('/').is_empty() && !path.text().is_empty();
        if is_root && spec.child("persistentVolumeReclaimPolicy").text() == "Recycle" {
            errors.push(FieldError::forbidden(
                &spec.path.child("persistentVolumeReclaimPolicy"),
                "may not be 'recycle' for a hostPath mount of '/'",
            ));
        }
    } else if let Some(local) = Some(spec.child("local")).filter(At::is_present) {
        let path = local.child("path");
        required(&path, errors);
        if path.text().split('/').any(|part| part == "..") {
            errors.push(path.invalid("must not contain '..'"));
        }
        let affinity = spec.child("nodeAffinity");
        if !affinity.is_present() {
            errors.push(affinity.required("Local volume requires node affinity"));
        }
    } else if let Some(nfs) = Some(spec.child("nfs")).filter(At::is_present) {
        required(&nfs.child("server"), errors);
        required(&path, errors);
        if !path.text().is_empty() && !path.text().starts_with('/') {
            errors.push(path.invalid("must be an absolute path"));
        }
    } else if let Some(csi) = Some(spec.child("csi")).filter(At::is_present) {
        validate_driver_name(&csi.child("driver"), errors);
        required(&csi.child("volumeHandle"), errors);
    }
}

pub(super) fn validate_change(new: &Object, old: &Object) -> FieldErrors {
    let mut errors = validate_volume(new);
    let (spec, before) = (At::root(new, "spec"), At::root(old, "spec"));
    let source = |object: &Object| -> Json {
        let mut spec = json::map(object, "spec").cloned().unwrap_or_default();
        spec.retain(|field, _| SOURCES.contains(&field.as_str()));
        spec
    };
    let (now, then) = (source(new), source(old));
    if !json::same(Some(&now.clone().into()), Some(&then.clone().into())) {
        let path = spec.path.child("persistentvolumesource");
        let changed = now
            .keys()
            .chain(then.keys())
            .find(|field| now.get(*field) != then.get(*field));
        errors.push(FieldError::forbidden(
            &path,
            format!(
                "spec.persistentvolumesource is immutable after creation\nspec.{} is different",
                changed.map_or("", String::as_str)
            ),
        ));
    }
    crate::at::immutable(
        &spec.child("volumeMode"),
        &before.child("volumeMode"),
        &mut errors,
    );
    let (affinity, was) = (spec.child("nodeAffinity"), before.child("nodeAffinity"));
    if was.is_present() && !json::same(Some(affinity.value), Some(was.value)) {
        errors.push(
            affinity.invalid("field is immutable, except for updating from beta label to GA"),
        );
    }
    let (class, had) = (
        spec.child("volumeAttributesClassName"),
        before.child("volumeAttributesClassName"),
    );
    if had.is_present() && *class.value == Value::Null {
        errors.push(class.forbidden("update from non-nil value to nil is forbidden"));
    }
    errors
}
