//! Index functions: under which values an object is found.

use std::borrow::Cow;

use apimachinery::Encoded;
use serde::Deserialize;

/// The values of an object in one index; bytes that do not decode have none.
pub type IndexFn = fn(&Encoded) -> Vec<String>;

/// The uids of all owners.
#[must_use]
pub fn by_owner_uid(object: &Encoded) -> Vec<String> {
    #[derive(Deserialize)]
    struct Owned<'a> {
        #[serde(borrow)]
        metadata: Metadata<'a>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata<'a> {
        #[serde(borrow, default)]
        owner_references: Vec<Owner<'a>>,
    }
    #[derive(Deserialize)]
    struct Owner<'a> {
        #[serde(borrow)]
        uid: Cow<'a, str>,
    }
    let owned: Result<Owned<'_>, _> = serde_json::from_slice(object.json());
    let owners = owned
        .map(|owned| owned.metadata.owner_references)
        .unwrap_or_default();
    owners
        .into_iter()
        .map(|owner| owner.uid.into_owned())
        .collect()
}

/// `spec.nodeName`; empty for a pod that is not bound.
#[must_use]
pub fn by_node(object: &Encoded) -> Vec<String> {
    #[derive(Deserialize)]
    struct Bound<'a> {
        #[serde(borrow)]
        spec: Spec<'a>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec<'a> {
        #[serde(borrow, default)]
        node_name: Cow<'a, str>,
    }
    let bound: Result<Bound<'_>, _> = serde_json::from_slice(object.json());
    bound
        .map(|bound| vec![bound.spec.node_name.into_owned()])
        .unwrap_or_default()
}

/// `namespace/key=value` for every label.
#[must_use]
pub fn by_namespace_label(object: &Encoded) -> Vec<String> {
    let Ok(head) = object.head() else {
        return Vec::new();
    };
    let namespace = &head.metadata.namespace;
    let labels = head.metadata.labels.unwrap_or_default().into_iter();
    labels
        .map(|(key, value)| format!("{namespace}/{key}={value}"))
        .collect()
}
