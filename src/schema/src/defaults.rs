//! The plain defaults of the facts: constants that upstream's generated defaulting sets.
//!
//! Only fields with a `default` in the facts (22 of them: a port's protocol, a replication
//! controller's replicas, volume drivers' constants). Defaults that depend on anything belong
//! to a kind's strategy; an absent struct is never made in order to hold a default.

use apimachinery::Object;
use serde_json::Value;

use crate::facts::TypeRef;
use crate::walk::struct_mut;

/// Sets absent fields, nulls and empty texts to their default, at every depth.
pub fn apply_defaults(object: &mut Object, ty: TypeRef<'_>) {
    struct_mut(&mut object.0, ty, &mut |map, ty| {
        for field in ty.fields() {
            let Some(default) = &field.default else {
                continue;
            };
            let unset = match map.get(field.name.as_ref()) {
                None | Some(Value::Null) => true,
                Some(Value::String(text)) => text.is_empty(),
                Some(_) => false,
            };
            if unset {
                map.insert(field.name.to_string(), default.as_ref().clone());
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use apimachinery::GroupVersionKind;
    use serde_json::json;

    #[test]
    fn sets_constants_at_any_depth() {
        let gvk = GroupVersionKind::new("", "v1", "ReplicationController");
        let ty = Facts::builtin().kind(&gvk).expect("a built-in kind");
        let ports = json!([{"containerPort": 1}, {"containerPort": 2, "protocol": "UDP"}]);
        let mut object = Object::from_value(json!({"spec": {"template": {"spec":
            {"containers": [{"name": "a", "ports": ports}]}}}}))
        .expect("an object");
        apply_defaults(&mut object, ty);
        assert_eq!(object.at("/spec/replicas"), Some(&json!(1)));
        assert_eq!(
            object.at("/spec/template/spec/containers/0/ports"),
            Some(&json!([{"containerPort": 1, "protocol": "TCP"},
                {"containerPort": 2, "protocol": "UDP"}]))
        );
        assert_eq!(object.at("/status"), None);
    }
}
