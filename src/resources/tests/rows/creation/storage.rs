use serde_json::json;

use super::{check, expect};

#[test]
fn classes() {
    check(
        "StorageClass",
        &[
            ("/provisioner", json!("")),
            ("/provisioner", json!("a b")),
            ("/reclaimPolicy", json!("Recycle")),
            ("/volumeBindingMode", json!("Later")),
            ("/parameters", json!({"": "x"})),
            (
                "/allowedTopologies",
                json!([{"matchLabelExpressions": [{"key": "zone", "values": []}, {"key": "zone", "values": ["a", "a"]}]}]),
            ),
        ],
        expect![[r#"
            /provisioner = ""
              provisioner: Required value
            /provisioner = "a b"
              provisioner: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            /reclaimPolicy = "Recycle"
              reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"
            /volumeBindingMode = "Later"
              volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"
            /parameters = {"":"x"}
              parameters: Invalid value: "": field can not be empty.
            /allowedTopologies = [{"matchLabelExpressions":[{"key":"zone","values":[]},{"key":"zone","values":["a","a"]}]}]
              [allowedTopologies[0].matchLabelExpressions[0].values: Required value, allowedTopologies[0].matchLabelExpressions[1].values[1]: Duplicate value: "a", allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "zone"]
        "#]],
    );
    check(
        "VolumeAttributesClass",
        &[("/driverName", json!(null)), ("/parameters", json!({}))],
        expect![[r#"
            /driverName = null
              driverName: Required value
            /parameters = {}
              parameters: Required value: must contain at least one key/value pair
        "#]],
    );
}

#[test]
fn drivers() {
    check(
        "VolumeAttachment",
        &[
            ("/spec/attacher", json!("")),
            ("/spec/attacher", json!("a_b")),
            ("/spec/source", json!({})),
            ("/spec/source/inlineVolumeSpec", json!({})),
            ("/spec/nodeName", json!("A")),
        ],
        expect![[r#"
            /spec/attacher = ""
              [spec.attacher: Required value, spec.attacher: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')]
            /spec/attacher = "a_b"
              spec.attacher: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /spec/source = {}
              spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName
            /spec/source/inlineVolumeSpec = {}
              spec.source: Forbidden: must specify exactly one of inlineVolumeSpec and persistentVolumeName
            /spec/nodeName = "A"
              spec.nodeName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        "#]],
    );
    check(
        "CSIDriver",
        &[
            ("/spec/fsGroupPolicy", json!("Always")),
            ("/spec/volumeLifecycleModes", json!(["Forever"])),
            (
                "/spec/tokenRequests/-",
                json!({"audience": "vault", "expirationSeconds": 5}),
            ),
            ("/spec/nodeAllocatableUpdatePeriodSeconds", json!(5)),
        ],
        expect![[r#"
            /spec/fsGroupPolicy = "Always"
              spec.fsGroupPolicy: Unsupported value: "Always": supported values: "File", "None", "ReadWriteOnceWithFSType"
            /spec/volumeLifecycleModes = ["Forever"]
              spec.volumeLifecycleModes[0]: Unsupported value: "Forever": supported values: "Ephemeral", "Persistent"
            /spec/tokenRequests/- = {"audience":"vault","expirationSeconds":5}
              [spec.tokenRequests[1].audience: Duplicate value: "vault", spec.tokenRequests[1].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes]
            /spec/nodeAllocatableUpdatePeriodSeconds = 5
              spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 5: must be greater than or equal to 10 seconds
        "#]],
    );
    check(
        "CSINode",
        &[
            ("/spec/drivers/0/nodeID", json!("")),
            ("/spec/drivers/0/allocatable/count", json!(-1)),
            ("/spec/drivers/0/topologyKeys", json!(["a b", "a b"])),
            (
                "/spec/drivers/-",
                json!({"name": "csi.example.com", "nodeID": "n"}),
            ),
        ],
        expect![[r#"
            /spec/drivers/0/nodeID = ""
              spec.drivers[0].nodeID: Required value
            /spec/drivers/0/allocatable/count = -1
              spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0
            /spec/drivers/0/topologyKeys = ["a b","a b"]
              [spec.drivers[0]: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'), spec.drivers[0]: Duplicate value: "a b"]
            /spec/drivers/- = {"name":"csi.example.com","nodeID":"n"}
              spec.drivers[1].name: Duplicate value: "csi.example.com"
        "#]],
    );
    check(
        "CSIStorageCapacity",
        &[
            ("/storageClassName", json!("")),
            ("/capacity", json!("-1")),
            ("/nodeTopology/matchLabels/a b", json!("c")),
        ],
        expect![[r#"
            /storageClassName = ""
              storageClassName: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /capacity = "-1"
              capacity: Invalid value: "-1": must be greater than or equal to 0
            /nodeTopology/matchLabels/a b = "c"
              nodeTopology.matchLabels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
        "#]],
    );
}

#[test]
fn volumes() {
    check(
        "PersistentVolume",
        &[
            ("/spec/accessModes", json!([])),
            (
                "/spec/accessModes",
                json!(["ReadWriteOncePod", "ReadOnlyMany"]),
            ),
            ("/spec/capacity", json!(null)),
            ("/spec/capacity", json!({"cpu": "1"})),
            ("/spec/capacity/storage", json!("0")),
            ("/spec/persistentVolumeReclaimPolicy", json!("Burn")),
            ("/spec/hostPath", json!(null)),
            ("/spec/hostPath/path", json!("/a/../b")),
            ("/spec/nfs", json!({"server": "a", "path": "b"})),
            ("/spec/nodeAffinity", json!({})),
            ("/spec/volumeMode", json!("Tape")),
        ],
        expect![[r#"
            /spec/accessModes = []
              spec.accessModes: Required value
            /spec/accessModes = ["ReadWriteOncePod","ReadOnlyMany"]
              spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes
            /spec/capacity = null
              spec.capacity: Required value
            /spec/capacity = {"cpu":"1"}
              spec.capacity: Unsupported value: {"cpu":"1"}: supported values: "storage"
            /spec/capacity/storage = "0"
              spec.capacity[storage]: Invalid value: "0": must be greater than zero
            /spec/persistentVolumeReclaimPolicy = "Burn"
              spec.persistentVolumeReclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Recycle", "Retain"
            /spec/hostPath = null
              spec: Required value: must specify a volume type
            /spec/hostPath/path = "/a/../b"
              spec.hostPath.path: Invalid value: "/a/../b": must not contain '..'
            /spec/nfs = {"path":"b","server":"a"}
              spec.nfs: Forbidden: may not specify more than 1 volume type
            /spec/nodeAffinity = {}
              spec.nodeAffinity.required: Required value: must specify required node constraints
            /spec/volumeMode = "Tape"
              spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"
        "#]],
    );
    check(
        "PersistentVolumeClaim",
        &[
            ("/spec", json!({})),
            ("/spec/accessModes", json!(["Often"])),
            ("/spec/resources/requests/storage", json!("-1")),
            ("/spec/storageClassName", json!("A")),
            ("/spec/volumeMode", json!("Tape")),
            ("/spec/dataSource/kind", json!("VolumeSnapshot")),
            (
                "/spec/dataSourceRef",
                json!({"kind": "PersistentVolumeClaim", "name": "other"}),
            ),
        ],
        expect![[r#"
            /spec = {}
              [spec.accessModes: Required value: at least 1 access mode is required, spec.resources[storage]: Required value]
            /spec/accessModes = ["Often"]
              spec.accessModes: Unsupported value: "Often": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"
            /spec/resources/requests/storage = "-1"
              spec.resources[storage]: Invalid value: "-1": must be greater than zero
            /spec/storageClassName = "A"
              spec.storageClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /spec/volumeMode = "Tape"
              spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"
            /spec/dataSource/kind = "VolumeSnapshot"
              nothing is wrong
            /spec/dataSourceRef = {"kind":"PersistentVolumeClaim","name":"other"}
              spec: Invalid value: "spec.dataSource": must match dataSourceRef
        "#]],
    );
}
