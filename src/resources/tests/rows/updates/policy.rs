use serde_json::json;

use super::{check, expect};

#[test]
fn signing_requests() {
    let approved = json!([{"type": "Approved", "status": "True"}]);
    let rows = [("/status/conditions", approved.clone())];
    check(
        "CertificateSigningRequest",
        "",
        &[],
        &rows,
        expect![[r#"
        /status/conditions = [{"status":"True","type":"Approved"}]
          nothing is wrong
    "#]],
    );
    let rows = [
        ("/status/conditions", approved),
        (
            "/status/conditions",
            json!([{"type": "Approved", "status": "False"}, {"type": "Denied", "status": "True"}]),
        ),
    ];
    check(
        "CertificateSigningRequest",
        "approval",
        &[],
        &rows,
        expect![[r#"
            /status/conditions = [{"status":"True","type":"Approved"}]
              nothing is wrong
            /status/conditions = [{"status":"False","type":"Approved"},{"status":"True","type":"Denied"}]
              [status.conditions[0].status: Unsupported value: "False": supported values: "True", status.conditions: Invalid value: [{"lastTransitionTime":"2026-01-10T12:00:00Z","lastUpdateTime":"2026-01-10T12:00:00Z","status":"False","type":"Approved"},{"lastTransitionTime":"2026-01-10T12:00:00Z","lastUpdateTime":"2026-01-10T12:00:00Z","status":"True","type":"Denied"}]: Approved and Denied conditions are mutually exclusive]
        "#]],
    );
    let rows = [
        ("/status/certificate", json!("eA==")),
        ("/spec/username", json!("other")),
    ];
    check(
        "CertificateSigningRequest",
        "status",
        &[],
        &rows,
        expect![[r#"
            /status/certificate = "eA=="
              nothing is wrong
            /spec/username = "other"
              nothing is wrong
        "#]],
    );
}

#[test]
fn definitions_and_claims() {
    let rows = [
        ("/spec/group", json!("other.com")),
        ("/spec/scope", json!("Cluster")),
        ("/spec/names/shortNames", json!(["b"])),
        (
            "/spec/versions",
            json!([{"name": "v2", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]),
        ),
    ];
    check(
        "CustomResourceDefinition",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/group = "other.com"
          [metadata.name: Invalid value: "boats.example.com": must be spec.names.plural+"."+spec.group, spec.group: Invalid value: "other.com": field is immutable]
        /spec/scope = "Cluster"
          nothing is wrong
        /spec/names/shortNames = ["b"]
          nothing is wrong
        /spec/versions = [{"name":"v2","schema":{"openAPIV3Schema":{"type":"object"}},"served":true,"storage":true}]
          status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions
    "#]],
    );
    let rows = [("/status/storedVersions", json!([]))];
    check(
        "CustomResourceDefinition",
        "status",
        &[],
        &rows,
        expect![[r#"
            /status/storedVersions = []
              nothing is wrong
        "#]],
    );
    let rows = [("/spec/devices/requests/0/name", json!("other"))];
    check(
        "ResourceClaim",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/devices/requests/0/name = "other"
          spec: Invalid value: {"devices":{"requests":[{"exactly":{"allocationMode":"ExactCount","count":1,"deviceClassName":"gpu.example.com"},"name":"other"}]}}: field is immutable
    "#]],
    );
    let rows = [("/status/reservedFor", json!([{"uid": "1"}, {"uid": "1"}]))];
    check(
        "ResourceClaim",
        "status",
        &[],
        &rows,
        expect![[r#"
        /status/reservedFor = [{"uid":"1"},{"uid":"1"}]
          [status.reservedFor[1].uid: Duplicate value: "1", status.reservedFor: Forbidden: may not be specified when `allocated` is not set]
    "#]],
    );
    let rows = [
        ("/spec/driver", json!("other.example.com")),
        ("/spec/pool/name", json!("other")),
    ];
    check(
        "ResourceSlice",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/driver = "other.example.com"
          spec.driver: Invalid value: "other.example.com": field is immutable
        /spec/pool/name = "other"
          spec.pool.name: Invalid value: "other": field is immutable
    "#]],
    );
}
