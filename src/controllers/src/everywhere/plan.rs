//! What a namespace should have: pure functions.

use api::{ConfigMap, Kind, Namespace, ServiceAccount};

use crate::view::Viewed;

pub(super) const DEFAULT: &str = "default";
pub(super) const ROOT_CA: &str = "kube-root-ca.crt";

const DESCRIPTION: &str = "kubernetes.io/description";
/// Upstream's text, which users may look for.
const ROOT_CA_DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the \
    kube-apiserver when using internal endpoints such as the internal service IP or \
    kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes \
    clusters.";

pub(super) enum Step<K> {
    Nothing,
    Create(Box<K>),
    Update(Box<Viewed<K>>, Box<K>),
}

/// Nothing is made in a namespace that is being deleted.
pub(super) fn plan<K: Kind>(
    namespace: &Namespace,
    found: Option<Viewed<K>>,
    name: &str,
    wanted: &dyn Fn(K) -> K,
) -> Step<K> {
    if namespace.is_terminating() {
        return Step::Nothing;
    }
    let Some(found) = found else {
        let mut object = wanted(K::default());
        let metadata = object.metadata_mut();
        metadata.name = Some(name.to_owned());
        metadata.namespace = Some(namespace.name().to_owned());
        return Step::Create(Box::new(object));
    };
    let after = wanted(found.typed.clone());
    if after == found.typed || found.is_terminating() {
        Step::Nothing
    } else {
        Step::Update(Box::new(found), Box::new(after))
    }
}

/// Any account of the name will do.
pub(super) fn default_account(found: ServiceAccount) -> ServiceAccount {
    found
}

/// Just the one certificate, described.
pub(super) fn root_ca(mut found: ConfigMap, pem: &str) -> ConfigMap {
    found.data = Some([("ca.crt".to_owned(), pem.to_owned())].into());
    let annotations = found.metadata.annotations.get_or_insert_default();
    annotations
        .entry(DESCRIPTION.to_owned())
        .or_insert_with(|| ROOT_CA_DESCRIPTION.to_owned());
    found
}
