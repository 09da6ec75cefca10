use serde_json::json;

use super::{check, expect};

#[test]
fn metadata() {
    let long = "a".repeat(64);
    check(
        "ConfigMap",
        &[
            ("/metadata/name", json!(null)),
            ("/metadata/name", json!("Web_1")),
            ("/metadata/generateName", json!("web-")),
            ("/metadata/generateName", json!("-")),
            ("/metadata/namespace", json!(null)),
            ("/metadata/namespace", json!("a.b")),
            ("/metadata/labels", json!({"a b": "c"})),
            ("/metadata/labels", json!({"": "c"})),
            ("/metadata/labels", json!({"app": long})),
            ("/metadata/labels", json!({"Example.com/app": "x"})),
            ("/metadata/annotations", json!({"Example.com/app": "x"})),
            ("/metadata/annotations", json!({"a/b/c": "x"})),
            ("/metadata/annotations", json!({"a": "x".repeat(262_144)})),
            (
                "/metadata/ownerReferences",
                json!([{"apiVersion": "apps/v1", "kind": "X", "name": "x", "uid": "1"}]),
            ),
            (
                "/metadata/ownerReferences",
                json!([{"kind": "", "name": "x"}]),
            ),
            (
                "/metadata/ownerReferences",
                json!([{"apiVersion": "v1", "kind": "Event", "name": "x", "uid": "1"}]),
            ),
            (
                "/metadata/ownerReferences",
                json!([
                    {"apiVersion": "v1", "kind": "A", "name": "x", "uid": "1", "controller": true},
                    {"apiVersion": "v1", "kind": "B", "name": "y", "uid": "2", "controller": true},
                ]),
            ),
            (
                "/metadata/finalizers",
                json!(["kubernetes", "example.com/x"]),
            ),
            ("/metadata/finalizers", json!(["mine"])),
            (
                "/metadata/finalizers",
                json!(["orphan", "foregroundDeletion"]),
            ),
            (
                "/metadata/managedFields",
                json!([{"operation": "Guess", "fieldsType": "V2"}]),
            ),
        ],
        expect![[r#"
            /metadata/name = null
              metadata.name: Required value: name or generateName is required
            /metadata/name = "Web_1"
              metadata.name: Invalid value: "Web_1": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /metadata/generateName = "web-"
              nothing is wrong
            /metadata/generateName = "-"
              metadata.generateName: Invalid value: "-": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /metadata/namespace = null
              metadata.namespace: Required value
            /metadata/namespace = "a.b"
              metadata.namespace: Invalid value: "a.b": must not contain dots
            /metadata/labels = {"a b":"c"}
              metadata.labels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            /metadata/labels = {"":"c"}
              [metadata.labels: Invalid value: "": name part must be non-empty, metadata.labels: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')]
            /metadata/labels = {"app":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
              metadata.labels: Invalid value: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": must be no more than 63 bytes
            /metadata/labels = {"Example.com/app":"x"}
              metadata.labels: Invalid value: "Example.com/app": prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /metadata/annotations = {"Example.com/app":"x"}
              nothing is wrong
            /metadata/annotations = {"a/b/c":"x"}
              metadata.annotations: Invalid value: "a/b/c": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')
            /metadata/annotations = {"a":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              metadata.annotations: Too long: may not be more than 262144 bytes
            /metadata/ownerReferences = [{"apiVersion":"apps/v1","kind":"X","name":"x","uid":"1"}]
              nothing is wrong
            /metadata/ownerReferences = [{"kind":"","name":"x"}]
              [metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty, metadata.ownerReferences.kind: Invalid value: "": must not be empty, metadata.ownerReferences.uid: Invalid value: "": must not be empty]
            /metadata/ownerReferences = [{"apiVersion":"v1","kind":"Event","name":"x","uid":"1"}]
              metadata.ownerReferences: Invalid value: {"apiVersion":"v1","kind":"Event","name":"x","uid":"1"}: /v1, Kind=Event is disallowed from being an owner
            /metadata/ownerReferences = [{"apiVersion":"v1","controller":true,"kind":"A","name":"x","uid":"1"},{"apiVersion":"v1","controller":true,"kind":"B","name":"y","uid":"2"}]
              metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","controller":true,"kind":"A","name":"x","uid":"1"},{"apiVersion":"v1","controller":true,"kind":"B","name":"y","uid":"2"}]: Only one reference can have Controller set to true. Found "true" in references for A/x and B/y
            /metadata/finalizers = ["kubernetes","example.com/x"]
              nothing is wrong
            /metadata/finalizers = ["mine"]
              metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified
            /metadata/finalizers = ["orphan","foregroundDeletion"]
              metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set
            /metadata/managedFields = [{"fieldsType":"V2","operation":"Guess"}]
              [metadata.managedFields[0].operation: Invalid value: "Guess": must be `Apply` or `Update`, metadata.managedFields[0].fieldsType: Invalid value: "V2": must be `FieldsV1`]
        "#]],
    );
}

#[test]
fn names_per_kind() {
    check(
        "Namespace",
        &[
            ("/metadata/name", json!("a.b")),
            ("/metadata/namespace", json!("x")),
        ],
        expect![[r#"
            /metadata/name = "a.b"
              metadata.name: Invalid value: "a.b": must not contain dots
            /metadata/namespace = "x"
              metadata.namespace: Forbidden: not allowed on this type
        "#]],
    );
    check(
        "Service",
        &[("/metadata/name", json!("1web"))],
        expect![[r#"
            /metadata/name = "1web"
              metadata.name: Invalid value: "1web": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')
        "#]],
    );
    check(
        "Node",
        &[("/metadata/name", json!("node_1"))],
        expect![[r#"
            /metadata/name = "node_1"
              metadata.name: Invalid value: "node_1": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        "#]],
    );
}
