//! The form Go would print: nulls go, and what `omitempty` leaves out goes.

use apimachinery::Object;
use serde_json::Value;

use crate::facts::{Field, Shape, TypeRef};
use crate::walk::struct_mut;

/// Drops nulls, and empty optional lists, maps and zeros, as Go's `omitempty` does.
///
/// Required fields stay even when empty (`status.active: []`), and so do structs
/// (`emptyDir: {}`) and zeros behind pointers (`automountServiceAccountToken: false`). Raw JSON
/// is left alone.
pub fn normalize(object: &mut Object, ty: TypeRef<'_>) {
    struct_mut(&mut object.0, ty, &mut |map, ty| {
        map.retain(|key, value| {
            let omitted = ty.field(key).is_some_and(|field| {
                let shape = ty.facts().get(field.ty).shape();
                !field.required && omitted(value, field, shape)
            });
            !value.is_null() && !omitted
        });
    });
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
