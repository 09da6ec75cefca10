//! ServiceAccount.

use apimachinery::{GroupVersionKind, Object};

use crate::json;
use crate::row::{COMMON, Hook, Resource, Subresource};
use crate::strategy::{Cx, Strategy};

pub static SERVICE_ACCOUNT: Resource = Resource {
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    singular: "serviceaccount",
    short_names: &["sa"],
    prefix: "serviceaccounts",
    subresources: &[Subresource::Create {
        name: "token",
        kind: GroupVersionKind::new("authentication.k8s.io", "v1", "TokenRequest"),
        hook: Hook::Token,
    }],
    returns_deleted: true,
    strategy: &ServiceAccount,
    ..COMMON
};

const ENFORCE: &str = "kubernetes.io/enforce-mountable-secrets";

struct ServiceAccount;

impl Strategy for ServiceAccount {
    fn warnings(&self, _cx: &Cx<'_>, object: &Object) -> Vec<String> {
        match object.annotation(ENFORCE) {
            None => Vec::new(),
            Some(_) => vec![format!(
                "metadata.annotations[{ENFORCE}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
            )],
        }
    }

    fn prepare_for_create(&self, _cx: &Cx<'_>, object: &mut Object) {
        keep_secret_names(object);
    }

    fn prepare_for_update(&self, _cx: &Cx<'_>, new: &mut Object, _old: &Object) {
        keep_secret_names(new);
    }
}

/// `secrets[]` are object references by type, but only their names are ever kept.
fn keep_secret_names(object: &mut Object) {
    for reference in json::maps_mut(object, "secrets") {
        reference.retain(|field, _| field == "name");
    }
}
