//! Rules of mounts and devices in containers.

use std::collections::BTreeSet;

use apimachinery::FieldErrors;

use super::Pod;
use crate::at::At;
use crate::json;

/// Relative, and never up.
pub(super) fn local_path(at: &At<'_>, errors: &mut FieldErrors) {
    if at.text().starts_with('/') {
        errors.push(at.invalid("must be a relative path"));
    }
    no_backsteps(at, errors);
}

pub(super) fn no_backsteps(at: &At<'_>, errors: &mut FieldErrors) {
    if at.text().split('/').any(|part| part == "..") {
        errors.push(at.invalid("must not contain '..'"));
    }
}

pub(super) fn validate_mounts(pod: &Pod<'_>, container: &At<'_>, errors: &mut FieldErrors) {
    let list = container.child("volumeMounts");
    let devices = container.child("volumeDevices");
    let of_devices = |field| -> BTreeSet<&str> {
        let devices = devices.items();
        devices.map(|device| device.child(field).text()).collect()
    };
    let (taken_names, taken_paths) = (of_devices("name"), of_devices("devicePath"));
    let mut paths = BTreeSet::new();
    for mount in list.items() {
        let (name, path) = (mount.child("name"), mount.child("mountPath"));
        validate_volume_name(pod, &name, errors);
        if path.text().is_empty() {
            errors.push(path.required(""));
        }
        if !paths.insert(path.text()) {
            errors.push(path.invalid("must be unique"));
        }
        if taken_names.contains(name.text()) {
            errors.push(name.invalid("must not already exist in volumeDevices"));
        }
        if taken_paths.contains(path.text()) {
            errors.push(path.invalid("must not already exist as a path in volumeDevices"));
        }
        validate_sub_path(&list, &mount, errors);
        validate_propagation(container, &mount.child("mountPropagation"), errors);
        validate_recursive(&mount, errors);
    }
}

fn validate_volume_name(pod: &Pod<'_>, name: &At<'_>, errors: &mut FieldErrors) {
    if name.text().is_empty() {
        errors.push(name.required(""));
    }
    if !pod.volumes.contains_key(name.text()) {
        let path = &name.path;
        errors.push(apimachinery::FieldError::not_found(path, name.text()));
    }
}

/// Upstream's paths leave the index out here.
fn validate_sub_path(list: &At<'_>, mount: &At<'_>, errors: &mut FieldErrors) {
    for field in ["subPath", "subPathExpr"] {
        let at = At {
            path: list.path.child(field),
            value: mount.child(field).value,
        };
        if at.text().is_empty() {
            continue;
        }
        if field == "subPathExpr" && !mount.child("subPath").text().is_empty() {
            errors.push(at.invalid("subPathExpr and subPath are mutually exclusive"));
        }
        local_path(&at, errors);
    }
}

fn validate_propagation(container: &At<'_>, mode: &At<'_>, errors: &mut FieldErrors) {
    mode.one_of_or_none(&["Bidirectional", "HostToContainer", "None"], errors);
    let privileged = container.child("securityContext").child("privileged");
    if mode.text() == "Bidirectional" && !privileged.flag() {
        errors.push(mode.forbidden(
            "Bidirectional mount propagation is available only to privileged containers",
        ));
    }
}

fn validate_recursive(mount: &At<'_>, errors: &mut FieldErrors) {
    let mode = mount.child("recursiveReadOnly");
    mode.one_of_or_none(&["Disabled", "Enabled", "IfPossible"], errors);
    if !matches!(mode.text(), "Enabled" | "IfPossible") {
        return;
    }
    if !mount.child("readOnly").flag() {
        errors.push(mode.forbidden("may only be specified when readOnly is true"));
    }
    let propagation = mount.child("mountPropagation").text();
    if !matches!(propagation, "" | "None") {
        errors.push(
            mode.forbidden("may only be specified when mountPropagation is None or not specified"),
        );
    }
}

pub(super) fn validate_devices(pod: &Pod<'_>, container: &At<'_>, errors: &mut FieldErrors) {
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for device in container.child("volumeDevices").items() {
        let (name, path) = (device.child("name"), device.child("devicePath"));
        validate_volume_name(pod, &name, errors);
        if !names.insert(name.text()) {
            errors.push(name.invalid("must be unique"));
        }
        let has_claim = pod.volumes.get(name.text()).is_none_or(|volume| {
            json::map(volume, "persistentVolumeClaim").is_some()
                || json::map(volume, "ephemeral").is_some()
        });
        if !has_claim {
            errors.push(name.invalid(
                "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode",
            ));
        }
        if path.text().is_empty() {
            errors.push(path.required(""));
        }
        if !paths.insert(path.text()) {
            errors.push(path.invalid("must be unique"));
        }
        no_backsteps(&path, errors);
    }
}
