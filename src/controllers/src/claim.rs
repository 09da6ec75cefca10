//! Whose is it: adoption and release of dependents by selector and UID.

use api::{ObjectMeta, OwnerReference, owner};
use apimachinery::{Encoded, LabelSelector, Object, SelectorError};
use informer::{Informer, Key};
use serde_json::{Value, json};

use crate::index::{by_controller, orphans_of};

/// A controller that looks for its dependents.
pub(crate) struct Claimant<'a> {
    pub(crate) metadata: &'a ObjectMeta,
    pub(crate) selector: &'a LabelSelector,
}

/// What an object is to a claimant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Controlled by it and selected.
    Owned,
    /// Selected and nobody's: to be adopted.
    Adopt,
    /// Controlled by it but no longer selected: to be released.
    Release,
    /// None of its business.
    Foreign,
}

impl Claimant<'_> {
    /// As upstream's `ControllerRefManager.ClaimObject`. A claimant that is being deleted
    /// neither adopts nor releases; an object that is being deleted is not adopted.
    pub(crate) fn claim(&self, object: &ObjectMeta) -> Claim {
        let deleting = self.metadata.deletion_timestamp.is_some();
        let selected = self.selects(object);
        match owner::controller_of(object) {
            Some(owner) if Some(&owner.uid) != self.metadata.uid.as_ref() => Claim::Foreign,
            Some(_) if selected => Claim::Owned,
            Some(_) if deleting => Claim::Foreign,
            Some(_) => Claim::Release,
            None if deleting || !selected || object.deletion_timestamp.is_some() => Claim::Foreign,
            None if object.namespace != self.metadata.namespace => Claim::Foreign,
            None => Claim::Adopt,
        }
    }

    fn selects(&self, object: &ObjectMeta) -> bool {
        let labels = object.labels.as_ref();
        self.selector
            .matches(|key| labels?.get(key).map(String::as_str))
    }
}

/// The selector in an object's `spec.selector`.
///
/// # Errors
/// When it is not valid, which validation does not let in.
pub(crate) fn selector(object: &Object) -> Result<LabelSelector, SelectorError> {
    LabelSelector::from_value(object.at("/spec/selector"))
}

/// The controllers, of those in the informer, that might adopt an object nobody controls.
pub(crate) fn adopters(controllers: &Informer, object: &Encoded) -> Vec<Key> {
    let controlled = by_controller(object);
    if !controlled
        .iter()
        .any(|value| value.starts_with(&orphans_of("")))
    {
        return Vec::new();
    }
    // What has no head is in no cache and has no controllers.
    let Ok(head) = object.head() else {
        return Vec::new();
    };
    let labels = head.metadata.labels.unwrap_or_default();
    let selecting = |controller: &Encoded| {
        let controller = controller.to_object().ok()?;
        let selector = selector(&controller).ok()?;
        let selects = selector.matches(|key| labels.get(key).map(String::as_str));
        selects.then(|| Key::new(controller.namespace(), controller.name()))
    };
    let controllers = controllers.list_in(&head.metadata.namespace);
    controllers.iter().filter_map(selecting).collect()
}

/// The patch that makes `owner` the controller of an object nobody controls.
pub(crate) fn adoption(object: &ObjectMeta, owner: &OwnerReference) -> Value {
    let kept = object.owner_references.iter().flatten();
    let owners: Vec<Value> = kept.chain([owner]).map(reference).collect();
    owners_patch(object, &owners)
}

/// The patch that takes the owner with this UID away.
pub(crate) fn release(object: &ObjectMeta, uid: &str) -> Value {
    let kept = object.owner_references.iter().flatten();
    let owners: Vec<Value> = kept.filter(|o| o.uid != uid).map(reference).collect();
    owners_patch(object, &owners)
}

/// An owner reference as JSON.
pub(crate) fn reference(owner: &OwnerReference) -> Value {
    let mut value = json!({
        "apiVersion": owner.api_version, "kind": owner.kind,
        "name": owner.name, "uid": owner.uid,
    });
    if let Some(controller) = owner.controller {
        value["controller"] = controller.into();
    }
    if let Some(block) = owner.block_owner_deletion {
        value["blockOwnerDeletion"] = block.into();
    }
    value
}

/// The list is replaced whole, so it holds for the version it was read at only.
fn owners_patch(object: &ObjectMeta, owners: &[Value]) -> Value {
    json!({"metadata": {
        "uid": object.uid, "resourceVersion": object.resource_version, "ownerReferences": owners,
    }})
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::{Kind, Pod};

    fn metadata(value: &Value) -> ObjectMeta {
        let text = json!({"metadata": value}).to_string();
        let pod = Pod::decode(text.as_bytes()).expect("a pod");
        pod.metadata
    }

    #[test]
    fn claims_as_upstream() {
        let now = "2026-01-01T00:00:00Z";
        let live = json!({"name": "s", "namespace": "n", "uid": "u"});
        let dying = json!({"name": "s", "namespace": "n", "uid": "u", "deletionTimestamp": now});
        let of = |uid: &str, app: &str| {
            json!({"namespace": "n", "labels": {"app": app}, "ownerReferences": [
                {"apiVersion": "v1", "kind": "K", "name": "s", "uid": uid, "controller": true},
            ]})
        };
        let orphan =
            |namespace: &str, app: &str| json!({"namespace": namespace, "labels": {"app": app}});
        let dying_orphan =
            json!({"namespace": "n", "labels": {"app": "web"}, "deletionTimestamp": now});
        let rows = [
            (&live, of("u", "web"), Claim::Owned),
            (&live, of("u", "db"), Claim::Release),
            (&live, of("v", "web"), Claim::Foreign),
            (&live, orphan("n", "web"), Claim::Adopt),
            (&live, orphan("n", "db"), Claim::Foreign),
            (&live, orphan("m", "web"), Claim::Foreign),
            (&live, dying_orphan, Claim::Foreign),
            (&dying, of("u", "web"), Claim::Owned),
            (&dying, of("u", "db"), Claim::Foreign),
            (&dying, orphan("n", "web"), Claim::Foreign),
        ];
        let selector = LabelSelector::parse("app=web").expect("valid");
        for (claimant, object, expected) in rows {
            let claimant = Claimant {
                metadata: &metadata(claimant),
                selector: &selector,
            };
            assert_eq!(claimant.claim(&metadata(&object)), expected, "{object}");
        }
    }

    #[test]
    fn patches_keep_other_owners() {
        let mut object = metadata(
            &json!({"uid": "p", "resourceVersion": "3", "ownerReferences": [
                {"apiVersion": "v1", "kind": "Other", "name": "o", "uid": "x"},
            ]}),
        );
        let owner = OwnerReference {
            api_version: "apps/v1".to_owned(),
            kind: "ReplicaSet".to_owned(),
            name: "s".to_owned(),
            uid: "u".to_owned(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        };
        let other = json!({"apiVersion": "v1", "kind": "Other", "name": "o", "uid": "x"});
        let patch = adoption(&object, &owner);
        let owners = json!([other, reference(&owner)]);
        assert_eq!(patch["metadata"]["ownerReferences"], owners);
        assert_eq!(patch["metadata"]["resourceVersion"], "3");
        object.owner_references.get_or_insert_default().push(owner);
        let patch = release(&object, "u");
        assert_eq!(patch["metadata"]["ownerReferences"], json!([other]));
    }
}
