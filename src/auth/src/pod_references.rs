//! What a pod or a volume refers to, and its node may therefore read.

use api::references::{Referent, references as all_references};
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
    let kind = |referent| match referent {
        Referent::ServiceAccount => NodeObject::ServiceAccount,
        Referent::Secret => NodeObject::Secret,
        Referent::ConfigMap => NodeObject::ConfigMap,
        Referent::PersistentVolumeClaim => NodeObject::PersistentVolumeClaim,
        Referent::ResourceClaim => NodeObject::ResourceClaim,
    };
    let found = all_references(pod).into_iter();
    found
        .map(|(referent, name)| (kind(referent), name))
        .collect()
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
