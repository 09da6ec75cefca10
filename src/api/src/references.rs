//! The objects that a pod refers to.

use apimachinery::Object;
use serde_json::Value;

/// A kind that pods refer to by name; in the pod's namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Referent {
    ServiceAccount,
    Secret,
    ConfigMap,
    PersistentVolumeClaim,
    ResourceClaim,
}

/// Kinds and names, with repeats: the account, image credentials, environments, volumes and claims
/// of devices, those that the status names included.
#[must_use]
pub fn references(pod: &Object) -> Vec<(Referent, String)> {
    let Some(spec) = pod.get("spec") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut add = |kind, value: Option<&Value>| {
        if let Some(name) = value
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty())
        {
            found.push((kind, name.to_owned()));
        }
    };
    add(Referent::ServiceAccount, spec.get("serviceAccountName"));
    for secret in list(spec, "imagePullSecrets") {
        add(Referent::Secret, secret.get("name"));
    }
    for field in ["initContainers", "containers", "ephemeralContainers"] {
        for container in list(spec, field) {
            environment(container, &mut add);
        }
    }
    for volume in list(spec, "volumes") {
        volume_sources(volume, &mut add);
        if volume.get("ephemeral").is_some() {
            let volume = volume.get("name").and_then(Value::as_str).unwrap_or("");
            let claim = Value::String(format!("{}-{volume}", pod.name()));
            add(Referent::PersistentVolumeClaim, Some(&claim));
        }
    }
    for claim in list(spec, "resourceClaims") {
        add(Referent::ResourceClaim, claim.get("resourceClaimName"));
    }
    // What was made from a template, or for extended resources, only the status tells.
    if let Some(status) = pod.get("status") {
        for claim in list(status, "resourceClaimStatuses") {
            add(Referent::ResourceClaim, claim.get("resourceClaimName"));
        }
        let extended = status.pointer("/extendedResourceClaimStatus/resourceClaimName");
        add(Referent::ResourceClaim, extended);
    }
    found
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn environment<'a>(container: &'a Value, add: &mut impl FnMut(Referent, Option<&'a Value>)) {
    for variable in list(container, "env") {
        let name = |reference| variable.pointer(reference);
        add(Referent::Secret, name("/valueFrom/secretKeyRef/name"));
        add(Referent::ConfigMap, name("/valueFrom/configMapKeyRef/name"));
    }
    for source in list(container, "envFrom") {
        add(Referent::Secret, source.pointer("/secretRef/name"));
        add(Referent::ConfigMap, source.pointer("/configMapRef/name"));
    }
}

fn volume_sources<'a>(volume: &'a Value, add: &mut impl FnMut(Referent, Option<&'a Value>)) {
    add(Referent::ConfigMap, volume.pointer("/configMap/name"));
    add(
        Referent::PersistentVolumeClaim,
        volume.pointer("/persistentVolumeClaim/claimName"),
    );
    for secret in [
        "/secret/secretName",
        "/azureFile/secretName",
        "/csi/nodePublishSecretRef/name",
        "/cephfs/secretRef/name",
        "/cinder/secretRef/name",
        "/flexVolume/secretRef/name",
        "/iscsi/secretRef/name",
        "/rbd/secretRef/name",
        "/scaleIO/secretRef/name",
        "/storageos/secretRef/name",
    ] {
        add(Referent::Secret, volume.pointer(secret));
    }
    let sources = volume
        .pointer("/projected/sources")
        .and_then(Value::as_array);
    for source in sources.into_iter().flatten() {
        add(Referent::Secret, source.pointer("/secret/name"));
        add(Referent::ConfigMap, source.pointer("/configMap/name"));
    }
}
