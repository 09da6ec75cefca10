use serde_json::json;

use super::{check, expect};

#[test]
fn classes_and_drivers() {
    let rows = [
        ("/provisioner", json!("other")),
        ("/parameters", json!({"a": "b"})),
        ("/reclaimPolicy", json!("Retain")),
        ("/volumeBindingMode", json!("WaitForFirstConsumer")),
        ("/allowVolumeExpansion", json!(true)),
    ];
    check(
        "StorageClass",
        "",
        &[],
        &rows,
        expect![[r#"
        /provisioner = "other"
          provisioner: Forbidden: updates to provisioner are forbidden.
        /parameters = {"a":"b"}
          parameters: Forbidden: updates to parameters are forbidden.
        /reclaimPolicy = "Retain"
          reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.
        /volumeBindingMode = "WaitForFirstConsumer"
          volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable
        /allowVolumeExpansion = true
          nothing is wrong
    "#]],
    );
    let rows = [
        ("/parameters/iops", json!("1")),
        ("/driverName", json!("x")),
    ];
    check(
        "VolumeAttributesClass",
        "",
        &[],
        &rows,
        expect![[r#"
        /parameters/iops = "1"
          parameters: Forbidden: updates to parameters are forbidden.
        /driverName = "x"
          driverName: Forbidden: updates to driverName are forbidden.
    "#]],
    );
    let rows = [("/spec/nodeName", json!("node-2"))];
    check(
        "VolumeAttachment",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/nodeName = "node-2"
          spec: Invalid value: {"attacher":"csi.example.com","nodeName":"node-2","source":{"persistentVolumeName":"pv-1"}}: field is immutable
    "#]],
    );
    let rows = [
        ("/spec/attachRequired", json!(false)),
        ("/spec/volumeLifecycleModes", json!(["Ephemeral"])),
        ("/spec/podInfoOnMount", json!(true)),
    ];
    check(
        "CSIDriver",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/attachRequired = false
          spec.attachedRequired: Invalid value: false: field is immutable
        /spec/volumeLifecycleModes = ["Ephemeral"]
          spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable
        /spec/podInfoOnMount = true
          nothing is wrong
    "#]],
    );
    let rows = [
        ("/spec/drivers/0/nodeID", json!("other")),
        ("/spec/drivers/0/allocatable/count", json!(9)),
        ("/spec/drivers", json!([])),
    ];
    check(
        "CSINode",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/drivers/0/nodeID = "other"
          spec.drivers: Invalid value: [{"allocatable":{"count":8},"name":"csi.example.com","nodeID":"other","topologyKeys":["example.com/zone"]}]: field is immutable
        /spec/drivers/0/allocatable/count = 9
          nothing is wrong
        /spec/drivers = []
          nothing is wrong
    "#]],
    );
}

#[test]
fn volumes() {
    let rows = [
        ("/spec/hostPath/path", json!("/elsewhere")),
        ("/spec/volumeMode", json!("Block")),
        ("/spec/persistentVolumeReclaimPolicy", json!("Delete")),
    ];
    check(
        "PersistentVolume",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/hostPath/path = "/elsewhere"
          spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation
        spec.hostPath is different
        /spec/volumeMode = "Block"
          spec.volumeMode: Invalid value: "Block": field is immutable
        /spec/persistentVolumeReclaimPolicy = "Delete"
          nothing is wrong
    "#]],
    );
    let rows = [
        ("/spec/volumeName", json!("pv-1")),
        ("/spec/storageClassName", json!("other")),
        ("/spec/resources/requests/storage", json!("2Gi")),
        ("/spec/accessModes", json!(["ReadOnlyMany"])),
    ];
    check(
        "PersistentVolumeClaim",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/volumeName = "pv-1"
          nothing is wrong
        /spec/storageClassName = "other"
          spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims
        spec.storageClassName is different
        /spec/resources/requests/storage = "2Gi"
          spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims
        spec.resources is different
        /spec/accessModes = ["ReadOnlyMany"]
          spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims
        spec.accessModes is different
    "#]],
    );
}

#[test]
fn networks() {
    let rows = [
        ("/spec/cidrs", json!(["10.43.0.0/16", "2001:db8::/64"])),
        ("/spec/cidrs", json!(["10.44.0.0/16"])),
    ];
    check(
        "ServiceCIDR",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/cidrs = ["10.43.0.0/16","2001:db8::/64"]
          nothing is wrong
        /spec/cidrs = ["10.44.0.0/16"]
          spec.cidrs: Invalid value: ["10.44.0.0/16"]: field is immutable
    "#]],
    );
    let rows = [("/spec/parentRef/name", json!("other"))];
    check(
        "IPAddress",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/parentRef/name = "other"
          spec.parentRef: Invalid value: {"group":"","name":"other","namespace":"default","resource":"services"}: field is immutable
    "#]],
    );
    let rows = [("/spec/controller", json!("example.com/other"))];
    check(
        "IngressClass",
        "",
        &[],
        &rows,
        expect![[r#"
        /spec/controller = "example.com/other"
          spec.controller: Invalid value: "example.com/other": field is immutable
    "#]],
    );
    let rows = [("/addressType", json!("FQDN"))];
    check(
        "EndpointSlice",
        "",
        &[],
        &rows,
        expect![[r#"
        /addressType = "FQDN"
          addressType: Invalid value: "FQDN": field is immutable
    "#]],
    );
    let rows = [
        (
            "/status/conditions",
            json!([{}, {"type": "A", "status": "True", "lastTransitionTime": "2026-01-10T11:00:00Z", "reason": "no good"}]),
        ),
        ("/status/currentHealthy", json!(-1)),
    ];
    check(
        "PodDisruptionBudget",
        "status",
        &[],
        &rows,
        expect![[r#"
        /status/conditions = [{},{"lastTransitionTime":"2026-01-10T11:00:00Z","reason":"no good","status":"True","type":"A"}]
          [status.conditions[0].type: Invalid value: "": name part must be non-empty, status.conditions[0].type: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'), status.conditions[0].status: Unsupported value: "": supported values: "False", "True", "Unknown", status.conditions[0].lastTransitionTime: Required value: must be set, status.conditions[0].reason: Required value: must be set, status.conditions[1].reason: Invalid value: "no good": a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')]
        /status/currentHealthy = -1
          status.currentHealthy: Invalid value: -1: must be greater than or equal to 0
    "#]],
    );
    let rows = [(
        "/status/loadBalancer/ingress",
        json!([{"ip": "x"}, {"hostname": "10.0.0.1"}]),
    )];
    check(
        "Ingress",
        "status",
        &[],
        &rows,
        expect![[r#"
        /status/loadBalancer/ingress = [{"ip":"x"},{"hostname":"10.0.0.1"}]
          [status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff), status.loadBalancer.ingress[1].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address]
    "#]],
    );
}
