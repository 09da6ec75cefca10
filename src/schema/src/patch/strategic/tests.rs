use apimachinery::GroupVersionKind;
use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::facts::Facts;

fn ty(group: &'static str, kind: &'static str) -> TypeRef<'static> {
    let gvk = GroupVersionKind::new(group, "v1", kind);
    Facts::builtin().kind(&gvk).expect("a built-in kind")
}

fn patched(ty: TypeRef<'_>, object: &Value, patch: &Value) -> String {
    let mut object = object.clone();
    match strategic(&mut object, patch, ty) {
        Ok(()) => object.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Patches a pod's spec.
#[track_caller]
fn check(object: Value, patch: Value, expected: Expect) {
    let said = patched(
        ty("", "Pod"),
        &json!({"spec": object}),
        &json!({"spec": patch}),
    );
    let inner = said
        .strip_prefix(r#"{"spec":"#)
        .and_then(|s| s.strip_suffix('}'));
    expected.assert_eq(inner.unwrap_or(&said));
}

#[test]
fn lists_merge_by_key() {
    check(
        json!({"containers": [{"name": "a", "image": "a:1", "tty": true}, {"name": "b"}]}),
        json!({"containers": [{"name": "c"}, {"name": "a", "image": "a:2", "tty": null}]}),
        expect![[r#"{"containers":[{"name":"c"},{"image":"a:2","name":"a"},{"name":"b"}]}"#]],
    );
    check(
        json!({"containers": [{"name": "a", "ports": [{"containerPort": 1}, {"containerPort": 2}]}]}),
        json!({"containers": [{"name": "a", "ports": [{"containerPort": 2, "name": "x"}]}]}),
        expect![[
            r#"{"containers":[{"name":"a","ports":[{"containerPort":1},{"containerPort":2,"name":"x"}]}]}"#
        ]],
    );
    check(
        json!({"tolerations": [{"key": "a"}], "nodeSelector": {"a": "b"}}),
        json!({"tolerations": [{"key": "b"}], "nodeSelector": {"c": "d"}}),
        expect![[r#"{"nodeSelector":{"a":"b","c":"d"},"tolerations":[{"key":"b"}]}"#]],
    );
}

#[test]
fn nulls_delete_and_are_not_stored() {
    check(
        json!({"hostname": "a", "securityContext": {"runAsUser": 1}}),
        json!({"hostname": null, "subdomain": null, "securityContext": {"runAsUser": null},
            "affinity": {"nodeAffinity": null}}),
        expect![[r#"{"affinity":{},"securityContext":{}}"#]],
    );
}

#[test]
fn patch_directive() {
    let two = json!({"containers": [{"name": "a"}, {"name": "b"}]});
    check(
        two.clone(),
        json!({"containers": [{"name": "a", "$patch": "delete"}, {"name": "z", "$patch": "delete"}]}),
        expect![[r#"{"containers":[{"name":"b"}]}"#]],
    );
    check(
        two.clone(),
        json!({"containers": [{"$patch": "replace"}, {"name": "c"}]}),
        expect![[r#"{"containers":[{"name":"c"}]}"#]],
    );
    check(
        json!({"securityContext": {"runAsUser": 1}, "affinity": {"nodeAffinity": {}}}),
        json!({"securityContext": {"$patch": "replace", "runAsGroup": 2}, "affinity": {"$patch": "delete"}}),
        expect![[r#"{"affinity":{},"securityContext":{"runAsGroup":2}}"#]],
    );
    check(
        two.clone(),
        json!({"containers": [{"name": "a", "$patch": "merge"}]}),
        expect!["merging lists cannot yet be specified in the patch"],
    );
    check(
        two.clone(),
        json!({"securityContext": {"$patch": "burn"}, "$patch": "burn"}),
        expect![
            "unknown patch type: burn in map: map[$patch:burn securityContext:map[$patch:burn]]"
        ],
    );
    check(
        two,
        json!({"containers": [{"image": "a"}]}),
        expect!["map: map[image:a] does not contain declared merge key: name"],
    );
}

#[test]
fn plain_lists_merge_as_sets() {
    let pod = ty("", "Pod");
    let object = json!({"metadata": {"finalizers": ["a", "b"]}});
    let rows = [
        (
            json!({"finalizers": ["c", "a"]}),
            expect![[r#"{"metadata":{"finalizers":["c","a","b"]}}"#]],
        ),
        (
            json!({"$deleteFromPrimitiveList/finalizers": ["b", "z"]}),
            expect![[r#"{"metadata":{"finalizers":["a"]}}"#]],
        ),
        (
            json!({"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"],
                "$setElementOrder/finalizers": ["b", "c"]}),
            expect![[r#"{"metadata":{"finalizers":["b","c"]}}"#]],
        ),
        (
            json!({"$deleteFromPrimitiveList/finalizers": "a"}),
            expect!["invalid patch format of primitive list"],
        ),
    ];
    for (metadata, expected) in rows {
        expected.assert_eq(&patched(pod, &object, &json!({"metadata": metadata})));
    }
}

#[test]
fn retain_keys_clears_the_others() {
    let volume = json!({"volumes": [{"name": "a", "emptyDir": {}}]});
    check(
        volume.clone(),
        json!({"volumes": [{"name": "a", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]}),
        expect![[r#"{"volumes":[{"hostPath":{"path":"/x"},"name":"a"}]}"#]],
    );
    check(
        volume,
        json!({"volumes": [{"name": "a", "$retainKeys": ["name"], "hostPath": {"path": "/x"}}]}),
        expect!["invalid patch format of retainKeys"],
    );
    let deployment = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}});
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
    let said = patched(ty("apps", "Deployment"), &deployment, &patch);
    assert_eq!(said, r#"{"spec":{"strategy":{"type":"Recreate"}}}"#);
}

#[test]
fn element_order() {
    let four = json!({"containers": [{"name": "a"}, {"name": "x"}, {"name": "b"}, {"name": "c"}]});
    check(
        four.clone(),
        json!({"$setElementOrder/containers": [{"name": "c"}, {"name": "new"}, {"name": "a"}],
            "containers": [{"name": "new", "image": "n"}, {"name": "b", "$patch": "delete"}]}),
        expect![[
            r#"{"containers":[{"name":"x"},{"name":"c"},{"image":"n","name":"new"},{"name":"a"}]}"#
        ]],
    );
    check(
        four.clone(),
        json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}),
        expect![[r#"{"containers":[{"name":"x"},{"name":"b"},{"name":"a"},{"name":"c"}]}"#]],
    );
    check(
        four,
        json!({"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "q"}]}),
        expect![[r#"
            The order in patch list:
            [map[name:q]]
             doesn't match $setElementOrder list:
            [map[name:b]]
        "#]],
    );
    check(
        json!({}),
        json!({"$setElementOrder/containers": [{"name": "b"}],
            "containers": [{"name": "b", "ports": [{"containerPort": 1}], "$setElementOrder/ports": [{"containerPort": 1}]}]}),
        expect![[r#"{"containers":[{"name":"b","ports":[{"containerPort":1}]}]}"#]],
    );
}

/// What upstream's server names a bad request or unprocessable; of all else it answers the text.
#[test]
fn refusals_have_upstreams_classes() {
    let object = json!({"spec": {"containers": [{"name": "a", "image": "i"}]}});
    let rows = [
        (json!({"containers": [[]]}), "unprocessable"),
        (json!({"containers": [{"image": "b"}]}), "unclassified"),
        (json!({"containers": ["a"]}), "unclassified"),
        (
            json!({"containers": [{"name": "a", "$patch": "merge"}]}),
            "unclassified",
        ),
        (json!({"$patch": "burn"}), "unclassified"),
        (json!({"$setElementOrder/containers": null}), "unclassified"),
        (
            json!({"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "q"}]}),
            "unclassified",
        ),
        (json!({"$retainKeys": "a"}), "bad"),
        (json!({"$retainKeys": [], "hostname": "h"}), "bad"),
    ];
    for (spec, expected) in rows {
        let mut object = object.clone();
        let patch = json!({"spec": spec});
        let error = strategic(&mut object, &patch, ty("", "Pod")).expect_err("a refusal");
        let class = match (error.is_unprocessable(), error.is_unclassified()) {
            (true, false) => "unprocessable",
            (false, true) => "unclassified",
            _ => "bad",
        };
        assert_eq!(class, expected, "{spec}: {error}");
    }
}

#[test]
fn what_is_ordered_is_a_list_and_so_is_the_order() {
    let rows = [
        (json!(null), "%!s(<nil>)"),
        (json!(true), "bool"),
        (json!(1), "int64"),
        (json!(1.5), "float64"),
        (json!(u64::MAX), "float64"),
        (json!("a"), "string"),
        (json!({}), "map[string]interface {}"),
    ];
    for (value, named) in rows {
        let orders = [
            json!({"$setElementOrder/containers": value}),
            json!({"$setElementOrder/containers": [], "containers": value}),
        ];
        for spec in orders {
            let said = patched(ty("", "Pod"), &json!({"spec": {}}), &json!({"spec": spec}));
            assert_eq!(
                said,
                format!("expected a []interface {{}}, but received a {named}")
            );
        }
    }
}

/// Raw JSON and unknown fields have no merge keys.
#[test]
fn raw_json_merges_maps_and_replaces_lists() {
    let object = json!({"data": {"a": {"x": 1}, "list": [{"name": "a"}]}});
    let patch = json!({"data": {"a": {"y": 2}, "list": [{"name": "b"}]}});
    let said = patched(ty("apps", "ControllerRevision"), &object, &patch);
    assert_eq!(
        said,
        r#"{"data":{"a":{"x":1,"y":2},"list":[{"name":"b"}]}}"#
    );
}

/// The cases of upstream's documentation that the tests above leave out.
#[test]
fn documented_cases() {
    let two = json!({"containers": [
        {"name": "a", "ports": [{"containerPort": 1}, {"containerPort": 2}], "args": ["x", "y"]},
        {"name": "b", "env": [{"name": "e", "value": "1"}, {"name": "f", "value": "2"}]}]});
    // Lists within merged items merge, delete and replace by their own rules.
    check(
        two.clone(),
        json!({"containers": [
            {"name": "a", "ports": [{"containerPort": 1, "$patch": "delete"}], "args": ["z"]},
            {"name": "b", "env": [{"$patch": "replace"}, {"name": "g", "value": "3"}]}]}),
        expect![[
            r#"{"containers":[{"args":["z"],"name":"a","ports":[{"containerPort":2}]},{"env":[{"name":"g","value":"3"}],"name":"b"}]}"#
        ]],
    );
    // A null takes a list away, an empty one leaves a merged list and empties an atomic one.
    check(
        two.clone(),
        json!({"containers": [{"name": "a", "ports": null, "args": []}, {"name": "b", "env": []}]}),
        expect![[
            r#"{"containers":[{"args":[],"name":"a"},{"env":[{"name":"e","value":"1"},{"name":"f","value":"2"}],"name":"b"}]}"#
        ]],
    );
    // Orders within ordered items.
    check(
        two,
        json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [
            {"name": "b", "$setElementOrder/env": [{"name": "f"}, {"name": "e"}]}]}),
        expect![[
            r#"{"containers":[{"env":[{"name":"f","value":"2"},{"name":"e","value":"1"}],"name":"b"},{"args":["x","y"],"name":"a","ports":[{"containerPort":1},{"containerPort":2}]}]}"#
        ]],
    );
    // A union's old member goes when only the new one is retained, and by null.
    check(
        json!({"volumes": [{"name": "v", "hostPath": {"path": "/x"}}, {"name": "w", "emptyDir": {}}]}),
        json!({"volumes": [
            {"name": "v", "$retainKeys": ["name", "emptyDir"], "emptyDir": {}, "hostPath": null},
            {"name": "w", "emptyDir": null, "configMap": {"name": "c"}}]}),
        expect![[
            r#"{"volumes":[{"emptyDir":{},"name":"v"},{"configMap":{"name":"c"},"name":"w"}]}"#
        ]],
    );
    // Directives in maps that were not there are obeyed and not stored.
    check(
        json!({}),
        json!({"securityContext": {"$patch": "replace", "runAsUser": 1},
            "affinity": {"$retainKeys": ["nodeAffinity"], "nodeAffinity": {"$patch": "delete"}},
            "containers": [{"name": "a", "$patch": "delete"}, {"name": "b", "tty": null}]}),
        expect![[r#"{"affinity":{},"containers":[{"name":"b"}]}"#]],
    );
}
