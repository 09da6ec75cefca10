//! Index functions: under which values an object is found.

use std::borrow::Cow;

use apimachinery::Encoded;
use serde::Deserialize;

/// The values of an object in one index; bytes that do not decode have none.
pub type IndexFn = fn(&Encoded) -> Vec<String>;

/// What an object says about its owners, read without the rest.
#[derive(Deserialize)]
pub(crate) struct Owned<'a> {
    #[serde(borrow)]
    pub metadata: OwnedMetadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnedMetadata<'a> {
    #[serde(borrow, default)]
    pub namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    pub owner_references: Option<Vec<Owner<'a>>>,
}

#[derive(Deserialize)]
pub(crate) struct Owner<'a> {
    #[serde(borrow, default)]
    pub kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub uid: Cow<'a, str>,
    #[serde(default)]
    pub controller: Option<bool>,
}

impl<'a> Owned<'a> {
    /// `None` when the bytes do not decode.
    pub(crate) fn of(object: &'a Encoded) -> Option<Self> {
        serde_json::from_slice(object.json()).ok()
    }

    pub(crate) fn owners(&self) -> &[Owner<'a>] {
        self.metadata
            .owner_references
            .as_deref()
            .unwrap_or_default()
    }
}

/// The uids of all owners.
#[must_use]
pub fn by_owner_uid(object: &Encoded) -> Vec<String> {
    let owned = Owned::of(object);
    let owners = owned.iter().flat_map(Owned::owners);
    owners.map(|owner| owner.uid.to_string()).collect()
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
