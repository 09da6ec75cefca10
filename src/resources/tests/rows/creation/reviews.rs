use serde_json::json;

use super::{check, expect};

#[test]
fn access_reviews() {
    let resource = json!({"verb": "get", "resource": "pods"});
    check(
        "SubjectAccessReview",
        &[
            ("/spec", json!({})),
            ("/spec/groups", json!([])),
            ("/spec/nonResourceAttributes", json!({"path": "/"})),
            ("/metadata", json!({"name": "x"})),
            ("/metadata", json!({"namespace": "x"})),
            ("/spec/resourceAttributes/labelSelector", json!({})),
            (
                "/spec/resourceAttributes/fieldSelector",
                json!({"rawSelector": "a=b", "requirements": [{"operator": "Near"}, {"key": "a", "operator": "In"}]}),
            ),
            (
                "/spec/resourceAttributes/labelSelector/requirements/0",
                json!({"key": "a b", "operator": "Exists", "values": ["x"]}),
            ),
        ],
        expect![[r#"
            /spec = {}
              [spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or group must be specified]
            /spec/groups = []
              spec.user: Invalid value: "": at least one of user or group must be specified
            /spec/nonResourceAttributes = {"path":"/"}
              spec.nonResourceAttributes: Invalid value: {"path":"/"}: cannot be specified in combination with resourceAttributes
            /metadata = {"name":"x"}
              metadata: Invalid value: {"name":"x"}: must be empty
            /metadata = {"namespace":"x"}
              metadata: Invalid value: {"namespace":"x"}: must be empty
            /spec/resourceAttributes/labelSelector = {}
              spec.resourceAttributes.labelSelector.requirements: Required value: when spec.resourceAttributes.labelSelector is specified, requirements or rawSelector is required
            /spec/resourceAttributes/fieldSelector = {"rawSelector":"a=b","requirements":[{"operator":"Near"},{"key":"a","operator":"In"}]}
              [spec.resourceAttributes.fieldSelector.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements, spec.resourceAttributes.fieldSelector.requirements[0].key: Required value: must be specified, spec.resourceAttributes.fieldSelector.requirements[1].values: Required value: must be specified when `operator` is 'In' or 'NotIn']
            /spec/resourceAttributes/labelSelector/requirements/0 = {"key":"a b","operator":"Exists","values":["x"]}
              [spec.resourceAttributes.labelSelector.requirements[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist', spec.resourceAttributes.labelSelector.requirements[0].key: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')]
        "#]],
    );
    check(
        "SelfSubjectAccessReview",
        &[
            ("/spec/resourceAttributes", resource.clone()),
            ("/spec", json!({})),
        ],
        expect![[r#"
            /spec/resourceAttributes = {"resource":"pods","verb":"get"}
              spec.nonResourceAttributes: Invalid value: {"path":"/metrics","verb":"get"}: cannot be specified in combination with resourceAttributes
            /spec = {}
              spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified
        "#]],
    );
    check(
        "LocalSubjectAccessReview",
        &[
            ("/spec/resourceAttributes", resource),
            (
                "/spec",
                json!({"user": "ann", "nonResourceAttributes": {"path": "/"}}),
            ),
            ("/metadata/labels", json!({"a": "b"})),
        ],
        expect![[r#"
            /spec/resourceAttributes = {"resource":"pods","verb":"get"}
              spec.resourceAttributes.namespace: Invalid value: "": must match metadata.namespace
            /spec = {"nonResourceAttributes":{"path":"/"},"user":"ann"}
              spec.nonResourceAttributes: Invalid value: {"path":"/"}: disallowed on this kind of request
            /metadata/labels = {"a":"b"}
              metadata: Invalid value: {"labels":{"a":"b"},"namespace":"default"}: must be empty except for namespace
        "#]],
    );
}

#[test]
fn bindings() {
    check(
        "Binding",
        &[
            ("/target", json!({"kind": "Pod"})),
            ("/target/kind", json!(null)),
        ],
        expect![[r#"
            /target = {"kind":"Pod"}
              [target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>", target.name: Required value]
            /target/kind = null
              nothing is wrong
        "#]],
    );
}
