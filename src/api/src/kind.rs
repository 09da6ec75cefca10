//! What is known of a kind as a Rust type.

use std::collections::BTreeMap;
use std::fmt::Debug;

use apimachinery::{Encoded, GroupVersionKind, GroupVersionResource, Object};
use k8s_openapi::{ClusterResourceScope, Metadata, NamespaceResourceScope, SubResourceScope};

use crate::ObjectMeta;

/// A kind with a typed view. [`crate::kinds`] lists them.
pub trait Kind:
    Metadata<Ty = ObjectMeta> + Clone + Debug + Default + PartialEq + Send + Sync + 'static
{
    const GVK: GroupVersionKind;
    /// Of a subresource's kind (Scale, Eviction) the subresource's name.
    const GVR: GroupVersionResource;
    const NAMESPACED: bool;

    /// Reads a JSON text; unknown fields are skipped, null is absence.
    ///
    /// # Errors
    /// When the text is not JSON or not of this type.
    fn decode(json: &[u8]) -> Result<Self, DecodeError>;

    /// As JSON, `apiVersion` and `kind` included.
    fn to_json(&self) -> Vec<u8>;

    /// As an [`Object`].
    fn encode(&self) -> Object {
        serde_json::from_slice(&self.to_json()).expect("a kind prints a JSON object")
    }

    /// Empty when absent, as in Go.
    fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// Empty for cluster-scoped objects.
    fn namespace(&self) -> &str {
        self.metadata().namespace.as_deref().unwrap_or_default()
    }

    /// Empty before creation.
    fn uid(&self) -> &str {
        self.metadata().uid.as_deref().unwrap_or_default()
    }

    /// `metadata.resourceVersion` as a number; 0 before creation.
    fn revision(&self) -> u64 {
        let text = self.metadata().resource_version.as_deref();
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// `metadata.labels`, empty when absent.
    fn labels(&self) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        self.metadata().labels.as_ref().unwrap_or(&NONE)
    }

    /// A label's value.
    fn label(&self, key: &str) -> Option<&str> {
        self.labels().get(key).map(String::as_str)
    }

    /// An annotation's value.
    fn annotation(&self, key: &str) -> Option<&str> {
        let annotations = self.metadata().annotations.as_ref()?;
        annotations.get(key).map(String::as_str)
    }

    /// Whether the object is being deleted.
    fn is_terminating(&self) -> bool {
        self.metadata().deletion_timestamp.is_some()
    }
}

/// Bytes that are not the kind they should be.
#[derive(Debug, thiserror::Error)]
#[error("not a {kind}: {source}")]
pub struct DecodeError {
    pub kind: &'static str,
    pub source: serde_json::Error,
}

/// Decodes a stored object, its revision put into `metadata.resourceVersion`.
///
/// # Errors
/// When the bytes are not of this kind.
pub fn decode<T: Kind>(encoded: &Encoded) -> Result<T, DecodeError> {
    let mut typed = T::decode(encoded.json())?;
    if encoded.revision() > 0 {
        typed.metadata_mut().resource_version = Some(encoded.revision().to_string());
    }
    Ok(typed)
}

/// A typed view of an object in a request. Prints and parses it: one deserializer per kind is
/// worth more than the microseconds.
///
/// # Errors
/// When the object is not of this kind.
pub fn view<T: Kind>(object: &Object) -> Result<T, DecodeError> {
    let json = serde_json::to_vec(object).expect("a JSON map always prints");
    T::decode(&json)
}

/// Whether a k8s-openapi scope lives in a namespace.
pub(crate) trait Scope {
    const NAMESPACED: bool;
}

impl Scope for NamespaceResourceScope {
    const NAMESPACED: bool = true;
}

impl Scope for ClusterResourceScope {
    const NAMESPACED: bool = false;
}

/// Those that have a typed view belong to namespaced resources.
impl Scope for SubResourceScope {
    const NAMESPACED: bool = true;
}

/// Implements [`Kind`] for k8s-openapi types: the functions below are the instantiations.
macro_rules! kinds {
    ($($module:ident :: { $($kind:ident),+ $(,)? })+) => {
        $($(impl $crate::Kind for $crate::$module::$kind {
            const GVK: apimachinery::GroupVersionKind = apimachinery::GroupVersionKind::new(
                <Self as k8s_openapi::Resource>::GROUP,
                <Self as k8s_openapi::Resource>::VERSION,
                <Self as k8s_openapi::Resource>::KIND,
            );
            const GVR: apimachinery::GroupVersionResource = apimachinery::GroupVersionResource::new(
                <Self as k8s_openapi::Resource>::GROUP,
                <Self as k8s_openapi::Resource>::VERSION,
                <Self as k8s_openapi::Resource>::URL_PATH_SEGMENT,
            );
            const NAMESPACED: bool =
                <<Self as k8s_openapi::Resource>::Scope as $crate::kind::Scope>::NAMESPACED;

            fn decode(json: &[u8]) -> Result<Self, $crate::DecodeError> {
                serde_json::from_slice(json).map_err(|source| $crate::DecodeError {
                    kind: <Self as k8s_openapi::Resource>::KIND,
                    source,
                })
            }

            fn to_json(&self) -> Vec<u8> {
                serde_json::to_vec(self).expect("text keys and finite numbers always print")
            }
        })+)+

        /// Every kind with a typed view: group, version, kind.
        pub const ALL: &[apimachinery::GroupVersionKind] = &[
            $($(<$crate::$module::$kind as $crate::Kind>::GVK),+),+
        ];
    };
}
pub(crate) use kinds;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Namespace, Pod, core};
    use base::TraceId;
    use serde_json::json;

    fn object(value: serde_json::Value) -> Object {
        Object::from_value(value).expect("an object")
    }

    #[test]
    fn decoding_fills_in_the_revision_and_skips_what_it_does_not_know() {
        let pod = object(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "n"},
            "spec": {"containers": null, "fromTheFuture": 1},
        }));
        let pod: Pod = decode(&Encoded::from_object(&pod, 7, TraceId::NONE)).expect("a pod");
        assert_eq!((pod.namespace(), pod.name(), pod.revision()), ("n", "a", 7));
    }

    #[test]
    fn encoding_names_the_kind() {
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some("n".to_owned());
        let expected = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
        assert_eq!(namespace.encode().into_value(), expected);
        assert_eq!(
            view::<Namespace>(&object(expected)).expect("a namespace"),
            namespace
        );
    }

    #[test]
    fn another_kind_is_refused_with_its_name() {
        let pod = object(json!({"metadata": {"name": "a"}, "spec": {"containers": 1}}));
        let error = view::<Pod>(&pod).expect_err("no list");
        assert!(error.to_string().starts_with("not a Pod: "), "{error}");
    }

    #[test]
    fn scopes_follow_the_types() {
        let rows = [
            (Pod::NAMESPACED, true),
            (Namespace::NAMESPACED, false),
            (core::Binding::NAMESPACED, true),
            (crate::policy::Eviction::NAMESPACED, true),
            (crate::rbac::ClusterRole::NAMESPACED, false),
        ];
        for (found, expected) in rows {
            assert_eq!(found, expected);
        }
    }
}
