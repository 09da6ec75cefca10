//! Who owns an object.

use crate::{Kind, ObjectMeta, OwnerReference};

/// The owner that controls the object, if any.
#[must_use]
pub fn controller_of(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    owners.iter().find(|owner| owner.controller == Some(true))
}

/// Whether the object with this UID controls the one with this metadata.
#[must_use]
pub fn is_controlled_by(metadata: &ObjectMeta, uid: &str) -> bool {
    controller_of(metadata).is_some_and(|owner| owner.uid == uid)
}

/// A reference that makes `owner` the controller, as `metav1.NewControllerRef` does.
#[must_use]
pub fn controller_reference<T: Kind>(owner: &T) -> OwnerReference {
    OwnerReference {
        api_version: T::API_VERSION.to_owned(),
        kind: T::KIND.to_owned(),
        name: owner.name().to_owned(),
        uid: owner.uid().to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReplicaSet;

    #[test]
    fn a_controller_reference_is_found_again() {
        let mut owner = ReplicaSet::default();
        owner.metadata.uid = Some("u".to_owned());
        let reference = controller_reference(&owner);
        assert_eq!(
            (reference.api_version.as_str(), reference.kind.as_str()),
            ("apps/v1", "ReplicaSet")
        );
        let metadata = ObjectMeta {
            owner_references: Some(vec![OwnerReference::default(), reference]),
            ..ObjectMeta::default()
        };
        assert!(is_controlled_by(&metadata, "u"));
        assert!(!is_controlled_by(&metadata, ""));
    }
}
