//! The plain defaults of the facts: constants that upstream's generated defaulting sets.
//!
//! Only fields with a `default` in the facts (22 of them: a port's protocol, a replication
//! controller's replicas, volume drivers' constants). Defaults that depend on anything belong
//! to a kind's strategy; an absent struct is never made in order to hold a default.

use apimachinery::Object;
use serde_json::{Map, Value};

use crate::facts::{Shape, TypeRef};

/// Sets absent fields, nulls and empty texts to their default, at every depth.
pub fn apply_defaults(object: &mut Object, ty: TypeRef<'_>) {
    fields(&mut object.0, ty);
}

fn fields(map: &mut Map<String, Value>, ty: TypeRef<'_>) {
    for field in ty.fields() {
        let unset = match map.get(field.name.as_ref()) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(_) => false,
        };
        if let (true, Some(default)) = (unset, &field.default) {
            map.insert(field.name.to_string(), default.as_ref().clone());
        }
    }
    for (key, value) in map {
        if let Some(below) = ty.child(key) {
            inside(value, below);
        }
    }
}

fn inside(value: &mut Value, ty: TypeRef<'_>) {
    match (value, ty.shape()) {
        (Value::Object(map), Shape::Struct { .. }) => fields(map, ty),
        (Value::Object(map), Shape::Map { value, .. }) => {
            let below = ty.facts().get(*value);
            map.values_mut().for_each(|value| inside(value, below));
        }
        (Value::Array(items), Shape::List { item, .. }) => {
            let below = ty.facts().get(*item);
            items.iter_mut().for_each(|item| inside(item, below));
        }
        _ => {}
    }
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
