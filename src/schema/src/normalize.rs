//! The form Go would print: nulls go, and what `omitempty` leaves out goes.

use apimachinery::Object;
use serde_json::{Map, Value};

use crate::facts::{Field, Shape, TypeRef};

/// Drops nulls, and empty optional lists, maps and zeros, as Go's `omitempty` does.
///
/// Required fields stay even when empty (`status.active: []`), and so do structs
/// (`emptyDir: {}`) and zeros behind pointers (`automountServiceAccountToken: false`). Raw JSON
/// is left alone.
pub fn normalize(object: &mut Object, ty: TypeRef<'_>) {
    fields(&mut object.0, ty);
}

fn fields(map: &mut Map<String, Value>, ty: TypeRef<'_>) {
    map.retain(|key, value| {
        let Some(field) = ty.field(key) else {
            return !value.is_null();
        };
        let below = ty.facts().get(field.ty);
        inside(value, below);
        !value.is_null() && (field.required || !omitted(value, field, below.shape()))
    });
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

fn omitted(value: &Value, field: &Field, shape: &Shape) -> bool {
    match (value, shape) {
        (Value::Array(items), Shape::List { .. }) => items.is_empty(),
        (Value::Object(map), Shape::Map { .. }) => map.is_empty(),
        (Value::String(text), Shape::Bytes) => text.is_empty(),
        (Value::String(text), Shape::String) => field.omit_zero && text.is_empty(),
        (Value::Bool(flag), _) => field.omit_zero && !flag,
        (Value::Number(number), shape) => {
            let plain = !matches!(shape, Shape::IntOrString);
            plain && field.omit_zero && number.as_f64() == Some(0.0)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use apimachinery::GroupVersionKind;
    use serde_json::json;

    fn check(kind: (&'static str, &'static str), object: Value, expected: Value) {
        let gvk = GroupVersionKind::new(kind.0, "v1", kind.1);
        let ty = Facts::builtin().kind(&gvk).expect("a built-in kind");
        let mut object = Object::from_value(object).expect("an object");
        normalize(&mut object, ty);
        assert_eq!(object.into_value(), expected);
    }

    #[test]
    fn omits_what_go_omits() {
        check(
            ("", "Pod"),
            json!({"metadata": {"name": "a", "namespace": "", "labels": {}, "generation": 0,
                    "annotations": {"a": ""}},
                "spec": {"hostNetwork": false, "automountServiceAccountToken": false,
                    "terminationGracePeriodSeconds": 0, "tolerations": [], "nodeName": null,
                    "containers": [{"name": "", "command": [], "livenessProbe":
                        {"periodSeconds": 0, "httpGet": {"port": 0, "path": ""}}}],
                    "volumes": [{"name": "v", "emptyDir": {"medium": ""}}], "securityContext": {}},
                "status": {}}),
            json!({"metadata": {"name": "a", "annotations": {"a": ""}},
                "spec": {"automountServiceAccountToken": false,
                    "terminationGracePeriodSeconds": 0,
                    "containers": [{"name": "", "livenessProbe": {"httpGet": {"port": 0}}}],
                    "volumes": [{"name": "v", "emptyDir": {}}], "securityContext": {}},
                "status": {}}),
        );
        check(
            ("batch", "Job"),
            json!({"status": {"active": 0, "ready": 0, "conditions": []}}),
            json!({"status": {"ready": 0}}),
        );
        check(
            ("", "PersistentVolumeClaim"),
            json!({"spec": {"storageClassName": "", "volumeName": ""}}),
            json!({"spec": {"storageClassName": ""}}),
        );
        check(
            ("apps", "ControllerRevision"),
            json!({"revision": 0, "data": {"a": null, "b": []}}),
            json!({"revision": 0, "data": {"a": null, "b": []}}),
        );
    }
}
