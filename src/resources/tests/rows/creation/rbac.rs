use serde_json::json;

use super::{check, expect};

#[test]
fn roles() {
    check(
        "Role",
        &[
            ("/metadata/name", json!("a/b")),
            ("/metadata/name", json!("..")),
            ("/rules/0", json!({})),
            (
                "/rules/0",
                json!({"verbs": ["get"], "nonResourceURLs": ["/metrics"], "resources": ["pods"]}),
            ),
        ],
        expect![[r#"
            /metadata/name = "a/b"
              metadata.name: Invalid value: "a/b": may not contain '/'
            /metadata/name = ".."
              metadata.name: Invalid value: "..": may not be '..'
            /rules/0 = {}
              [rules[0].verbs: Required value: verbs must contain at least one value, rules[0].apiGroups: Required value: resource rules must supply at least one api group, rules[0].resources: Required value: resource rules must supply at least one resource]
            /rules/0 = {"nonResourceURLs":["/metrics"],"resources":["pods"],"verbs":["get"]}
              [rules[0].nonResourceURLs: Invalid value: ["/metrics"]: namespaced rules cannot apply to non-resource URLs, rules[0].nonResourceURLs: Invalid value: ["/metrics"]: rules cannot apply to both regular resources and non-resource URLs]
        "#]],
    );
    check(
        "ClusterRole",
        &[
            ("/metadata/name", json!("system:x:y")),
            ("/rules/0/nonResourceURLs", json!(["/metrics"])),
            ("/rules/0/apiGroups", json!([])),
            ("/rules", json!(null)),
            ("/aggregationRule", json!({})),
            (
                "/aggregationRule",
                json!({"clusterRoleSelectors": [{"matchLabels": {"a b": "c"}}]}),
            ),
        ],
        expect![[r#"
            /metadata/name = "system:x:y"
              nothing is wrong
            /rules/0/nonResourceURLs = ["/metrics"]
              rules[0].nonResourceURLs: Invalid value: ["/metrics"]: rules cannot apply to both regular resources and non-resource URLs
            /rules/0/apiGroups = []
              rules[0].apiGroups: Required value: resource rules must supply at least one api group
            /rules = null
              nothing is wrong
            /aggregationRule = {}
              aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil
            /aggregationRule = {"clusterRoleSelectors":[{"matchLabels":{"a b":"c"}}]}
              aggregationRule.clusterRoleSelectors[0].matchLabels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
        "#]],
    );
}

#[test]
fn bindings() {
    check(
        "RoleBinding",
        &[
            ("/roleRef", json!({})),
            (
                "/roleRef",
                json!({"apiGroup": "apps", "kind": "Pod", "name": "a%"}),
            ),
            ("/roleRef/kind", json!("ClusterRole")),
            ("/subjects", json!([{}])),
            ("/subjects/0/apiGroup", json!("apps")),
            ("/subjects/0/kind", json!("Robot")),
            (
                "/subjects/3",
                json!({"kind": "ServiceAccount", "name": "A", "apiGroup": "rbac.authorization.k8s.io"}),
            ),
        ],
        expect![[r#"
            /roleRef = {}
              [roleRef.kind: Unsupported value: "": supported values: "Role", "ClusterRole", roleRef.name: Required value]
            /roleRef = {"apiGroup":"apps","kind":"Pod","name":"a%"}
              [roleRef.apiGroup: Unsupported value: "apps": supported values: "rbac.authorization.k8s.io", roleRef.kind: Unsupported value: "Pod": supported values: "Role", "ClusterRole", roleRef.name: Invalid value: "a%": may not contain '%']
            /roleRef/kind = "ClusterRole"
              nothing is wrong
            /subjects = [{}]
              [subjects[0].name: Required value, subjects[0].kind: Unsupported value: "": supported values: "ServiceAccount", "User", "Group"]
            /subjects/0/apiGroup = "apps"
              subjects[0].apiGroup: Unsupported value: "apps": supported values: "rbac.authorization.k8s.io"
            /subjects/0/kind = "Robot"
              subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"
            /subjects/3 = {"apiGroup":"rbac.authorization.k8s.io","kind":"ServiceAccount","name":"A"}
              [subjects[3].name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), subjects[3].apiGroup: Unsupported value: "rbac.authorization.k8s.io": supported values: ""]
        "#]],
    );
    check(
        "ClusterRoleBinding",
        &[
            ("/roleRef/kind", json!("Role")),
            ("/subjects/1/namespace", json!(null)),
        ],
        expect![[r#"
            /roleRef/kind = "Role"
              roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"
            /subjects/1/namespace = null
              subjects[1].namespace: Required value
        "#]],
    );
}
