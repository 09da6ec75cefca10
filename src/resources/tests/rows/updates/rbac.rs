use serde_json::json;

use super::{check, expect};

#[test]
fn bindings_keep_their_role() {
    let rows = [
        ("/roleRef/name", json!("other")),
        ("/subjects", json!(null)),
    ];
    check(
        "ClusterRoleBinding",
        "",
        &[],
        &rows,
        expect![[r#"
        /roleRef/name = "other"
          roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"other"}: cannot change roleRef
        /subjects = null
          nothing is wrong
    "#]],
    );
}
