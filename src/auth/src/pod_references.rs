//! What a pod refers to, and its node may therefore read.

use apimachinery::Object;
use serde_json::Value;

use crate::node::NodeObject;

/// Set on the API's copy of a static pod, which must not open anything to its node.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Kinds and names in the pod's namespace, with repeats.
pub(crate) fn references(pod: &Object) -> Vec<(NodeObject, String)> {
    if pod.annotation(MIRROR).is_some() {
        return Vec::new();
    }
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
    add(NodeObject::ServiceAccount, spec.get("serviceAccountName"));
    for secret in list(spec, "imagePullSecrets") {
        add(NodeObject::Secret, secret.get("name"));
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
            add(NodeObject::PersistentVolumeClaim, Some(&claim));
        }
    }
    for claim in list(spec, "resourceClaims") {
        add(NodeObject::ResourceClaim, claim.get("resourceClaimName"));
    }
    // What was made from a template, or for extended resources, only the status tells.
    if let Some(status) = pod.get("status") {
        for claim in list(status, "resourceClaimStatuses") {
            add(NodeObject::ResourceClaim, claim.get("resourceClaimName"));
        }
        let extended = status.pointer("/extendedResourceClaimStatus/resourceClaimName");
        add(NodeObject::ResourceClaim, extended);
    }
    found
}

/// The Secrets that a kubelet needs to mount a PersistentVolume, as namespace and name; those
/// without a namespace are in the claim's.
pub(crate) fn volume_secrets(volume: &Object) -> Vec<(String, String)> {
    let Some(spec) = volume.get("spec") else {
        return Vec::new();
    };
    let text = |pointer: &str| spec.pointer(pointer).and_then(Value::as_str);
    let home = text("/claimRef/namespace").unwrap_or_default();
    let references = [
        "/cephfs/secretRef",
        "/cinder/secretRef",
        "/csi/nodeExpandSecretRef",
        "/csi/nodePublishSecretRef",
        "/csi/nodeStageSecretRef",
        "/flexVolume/secretRef",
        "/iscsi/secretRef",
        "/rbd/secretRef",
        "/scaleIO/secretRef",
        "/storageos/secretRef",
    ];
    let mut found = Vec::new();
    let mut add = |namespace: Option<&str>, name: Option<&str>| {
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            found.push((namespace.unwrap_or(home).to_owned(), name.to_owned()));
        }
    };
    for reference in references {
        let part = |field: &str| text(&format!("{reference}/{field}"));
        add(part("namespace"), part("name"));
    }
    add(
        text("/azureFile/secretNamespace"),
        text("/azureFile/secretName"),
    );
    found
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn environment<'a>(container: &'a Value, add: &mut impl FnMut(NodeObject, Option<&'a Value>)) {
    for variable in list(container, "env") {
        let name = |reference| variable.pointer(reference);
        add(NodeObject::Secret, name("/valueFrom/secretKeyRef/name"));
        add(
            NodeObject::ConfigMap,
            name("/valueFrom/configMapKeyRef/name"),
        );
    }
    for source in list(container, "envFrom") {
        add(NodeObject::Secret, source.pointer("/secretRef/name"));
        add(NodeObject::ConfigMap, source.pointer("/configMapRef/name"));
    }
}

fn volume_sources<'a>(volume: &'a Value, add: &mut impl FnMut(NodeObject, Option<&'a Value>)) {
    add(NodeObject::ConfigMap, volume.pointer("/configMap/name"));
    add(
        NodeObject::PersistentVolumeClaim,
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
        add(NodeObject::Secret, volume.pointer(secret));
    }
    let sources = volume
        .pointer("/projected/sources")
        .and_then(Value::as_array);
    for source in sources.into_iter().flatten() {
        add(NodeObject::Secret, source.pointer("/secret/name"));
        add(NodeObject::ConfigMap, source.pointer("/configMap/name"));
    }
}
