//! Dependents by their controller.

use std::borrow::Cow;

use apimachinery::Encoded;
use serde::Deserialize;

/// The name of the index that [`by_controller`] fills.
pub(crate) const CONTROLLER: &str = "controller";

/// The UID of the controlling owner, or [`orphans_of`] the namespace when there is none.
pub(crate) fn by_controller(object: &Encoded) -> Vec<String> {
    #[derive(Deserialize)]
    struct Owned<'a> {
        #[serde(borrow)]
        metadata: Metadata<'a>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata<'a> {
        #[serde(borrow, default)]
        namespace: Cow<'a, str>,
        #[serde(borrow, default)]
        owner_references: Vec<Owner<'a>>,
    }
    #[derive(Deserialize)]
    struct Owner<'a> {
        #[serde(borrow)]
        uid: Cow<'a, str>,
        #[serde(default)]
        controller: bool,
    }
    // What does not decode is in no index; the lister logs it when it is read.
    let Ok(owned) = serde_json::from_slice::<Owned<'_>>(object.json()) else {
        return Vec::new();
    };
    let mut owners = owned.metadata.owner_references.into_iter();
    let controller = owners.find(|owner| owner.controller);
    vec![match controller {
        Some(owner) => owner.uid.into_owned(),
        None => orphans_of(&owned.metadata.namespace),
    }]
}

/// The index value of objects without a controller; never a UID.
pub(crate) fn orphans_of(namespace: &str) -> String {
    format!("orphans/{namespace}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use apimachinery::Object;
    use base::TraceId;
    use serde_json::json;

    #[test]
    fn objects_are_found_by_controller_or_as_orphans() {
        let rows = [
            (json!([{"uid": "a"}, {"uid": "b", "controller": true}]), "b"),
            (json!([{"uid": "a", "controller": false}]), "orphans/n"),
            (json!([]), "orphans/n"),
        ];
        for (owners, expected) in rows {
            let object = json!({"metadata": {"namespace": "n", "ownerReferences": owners}});
            let object = Object::from_value(object).expect("an object");
            let encoded = Encoded::from_object(&object, 1, TraceId::NONE);
            assert_eq!(by_controller(&encoded), [expected], "{object:?}");
        }
    }
}
