use serde_json::json;

use super::{check, expect};

#[test]
fn classes_keep_what_pods_were_given() {
    let rows = [
        ("/value", json!(5)),
        ("/preemptionPolicy", json!("Never")),
        ("/globalDefault", json!(true)),
    ];
    check(
        "PriorityClass",
        "",
        &[],
        &rows,
        expect![[r#"
        /value = 5
          value: Forbidden: may not be changed in an update.
        /preemptionPolicy = "Never"
          preemptionPolicy: Invalid value: "Never": field is immutable
        /globalDefault = true
          nothing is wrong
    "#]],
    );
    let rows = [("/handler", json!("runc")), ("/overhead", json!(null))];
    check(
        "RuntimeClass",
        "",
        &[],
        &rows,
        expect![[r#"
        /handler = "runc"
          handler: Invalid value: "runc": field is immutable
        /overhead = null
          nothing is wrong
    "#]],
    );
}

#[test]
fn quotas() {
    let rows = [
        ("/spec/scopes", json!(["NotTerminating", "NotTerminating"])),
        ("/spec/scopes", json!([])),
        ("/spec/hard", json!({"pods": "1"})),
    ];
    check(
        "ResourceQuota",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/scopes = ["NotTerminating","NotTerminating"]
          nothing is wrong
        /spec/scopes = []
          spec.scopes: Invalid value: []: field is immutable
        /spec/hard = {"pods":"1"}
          nothing is wrong
    "#]],
    );
    let rows = [
        ("/status/used", json!({"pods": "1.5"})),
        ("/status/hard", json!({"pods": "2"})),
    ];
    check(
        "ResourceQuota",
        "status",
        &[],
        &rows,
        expect![[r#"
        /status/used = {"pods":"1.5"}
          status.used[pods]: Invalid value: "1500m": must be an integer
        /status/hard = {"pods":"2"}
          nothing is wrong
    "#]],
    );
}
