use serde_json::json;

use super::{check, expect};

#[test]
fn containers() {
    check(
        "Pod",
        &[
            ("/spec/containers", json!([])),
            ("/spec/containers/0/name", json!("A_b")),
            ("/spec/containers/0/name", json!(null)),
            ("/spec/containers/0/name", json!("side")),
            ("/spec/initContainers/0/name", json!("web")),
            ("/spec/containers/0/image", json!(null)),
            ("/spec/containers/0/image", json!("nginx ")),
            ("/spec/containers/0/imagePullPolicy", json!("Sometimes")),
            ("/spec/containers/0/terminationMessagePolicy", json!("Log")),
            ("/spec/containers/0/ports/0/containerPort", json!(0)),
            ("/spec/containers/0/ports/0/containerPort", json!(65536)),
            ("/spec/containers/0/ports/0/name", json!("HTTP")),
            ("/spec/containers/0/ports/0/protocol", json!("ICMP")),
            (
                "/spec/containers/0/ports/-",
                json!({"name": "http", "containerPort": 81}),
            ),
            (
                "/spec/containers/0/ports",
                json!([{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 80}]),
            ),
            ("/spec/containers/0/ports/0/hostIP", json!("x")),
            (
                "/spec/containers/0/restartPolicyRules",
                json!([{"action": "Stop"}]),
            ),
            (
                "/spec/initContainers/0/readinessProbe",
                json!({"exec": {"command": ["x"]}}),
            ),
            (
                "/spec/ephemeralContainers",
                json!([{"name": "debug", "image": "x", "targetContainerName": "none", "ports": [{"containerPort": 1}]}]),
            ),
        ],
        expect![[r#"
            /spec/containers = []
              spec.containers: Required value
            /spec/containers/0/name = "A_b"
              spec.containers[0].name: Invalid value: "A_b": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            /spec/containers/0/name = null
              spec.containers[0].name: Required value
            /spec/containers/0/name = "side"
              spec.containers[1].name: Duplicate value: "side"
            /spec/initContainers/0/name = "web"
              spec.initContainers[0].name: Duplicate value: "web"
            /spec/containers/0/image = null
              spec.containers[0].image: Required value
            /spec/containers/0/image = "nginx "
              spec.containers[0].image: Invalid value: "nginx ": must not have leading or trailing whitespace
            /spec/containers/0/imagePullPolicy = "Sometimes"
              spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"
            /spec/containers/0/terminationMessagePolicy = "Log"
              spec.containers[0].terminationMessagePolicy: Unsupported value: "Log": supported values: "File", "FallbackToLogsOnError"
            /spec/containers/0/ports/0/containerPort = 0
              spec.containers[0].ports[0].containerPort: Required value
            /spec/containers/0/ports/0/containerPort = 65536
              spec.containers[0].ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive
            /spec/containers/0/ports/0/name = "HTTP"
              spec.containers[0].ports[0].name: Invalid value: "HTTP": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)
            /spec/containers/0/ports/0/protocol = "ICMP"
              spec.containers[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"
            /spec/containers/0/ports/- = {"containerPort":81,"name":"http"}
              spec.containers[0].ports[1].name: Duplicate value: "http"
            /spec/containers/0/ports = [{"containerPort":80,"hostPort":80},{"containerPort":81,"hostPort":80}]
              spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//80"
            /spec/containers/0/ports/0/hostIP = "x"
              spec.containers[0].ports[0].hostIP: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            /spec/containers/0/restartPolicyRules = [{"action":"Stop"}]
              [spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used, spec.containers[0].restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", spec.containers[0].restartPolicyRules[0].exitCodes: Required value: must be specified]
            /spec/initContainers/0/readinessProbe = {"exec":{"command":["x"]}}
              spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always
            /spec/ephemeralContainers = [{"image":"x","name":"debug","ports":[{"containerPort":1}],"targetContainerName":"none"}]
              [spec.ephemeralContainers[0].targetContainerName: Not found: "none", spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container, spec.ephemeralContainers: Forbidden: cannot be set on create]
        "#]],
    );
}

#[test]
fn environment() {
    check(
        "Pod",
        &[
            ("/spec/containers/0/env/0/name", json!("")),
            ("/spec/containers/0/env/0/name", json!("a=b")),
            (
                "/spec/containers/0/env/0",
                json!({"name": "A", "valueFrom": {}}),
            ),
            (
                "/spec/containers/0/env/0/valueFrom",
                json!({"fieldRef": {"fieldPath": "metadata.name"}}),
            ),
            (
                "/spec/containers/0/env/0",
                json!({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.nam"}}}),
            ),
            (
                "/spec/containers/0/env/0",
                json!({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.phase"}}}),
            ),
            (
                "/spec/containers/0/env/0",
                json!({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}}),
            ),
            (
                "/spec/containers/0/env/0",
                json!({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a b']"}}}),
            ),
            (
                "/spec/containers/0/env/0",
                json!({"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.disk"}}}),
            ),
            (
                "/spec/containers/0/env/0",
                json!({"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "2"}}}),
            ),
            (
                "/spec/containers/0/env/0",
                json!({"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}, "configMapKeyRef": {"name": "c", "key": "k"}}}),
            ),
            (
                "/spec/containers/0/envFrom",
                json!([{"prefix": "a=", "configMapRef": {"name": ""}}, {}]),
            ),
        ],
        expect![[r#"
            /spec/containers/0/env/0/name = ""
              spec.containers[0].env[0].name: Required value
            /spec/containers/0/env/0/name = "a=b"
              spec.containers[0].env[0].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than '='
            /spec/containers/0/env/0 = {"name":"A","valueFrom":{}}
              spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`
            /spec/containers/0/env/0/valueFrom = {"fieldRef":{"fieldPath":"metadata.name"}}
              spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty
            /spec/containers/0/env/0 = {"name":"A","valueFrom":{"fieldRef":{"fieldPath":"metadata.nam"}}}
              spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.nam": error converting fieldPath: field label not supported: metadata.nam
            /spec/containers/0/env/0 = {"name":"A","valueFrom":{"fieldRef":{"fieldPath":"status.phase"}}}
              spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"
            /spec/containers/0/env/0 = {"name":"A","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels['app']"}}}
              nothing is wrong
            /spec/containers/0/env/0 = {"name":"A","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels['a b']"}}}
              spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            /spec/containers/0/env/0 = {"name":"A","valueFrom":{"resourceFieldRef":{"resource":"limits.disk"}}}
              spec.containers[0].env[0].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.disk": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"
            /spec/containers/0/env/0 = {"name":"A","valueFrom":{"resourceFieldRef":{"divisor":"2","resource":"limits.cpu"}}}
              spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "2": only divisor's values 1m and 1 are supported with the cpu resource
            /spec/containers/0/env/0 = {"name":"A","valueFrom":{"configMapKeyRef":{"key":"k","name":"c"},"secretKeyRef":{"name":"s"}}}
              [spec.containers[0].env[0].valueFrom.secretKeyRef.key: Required value, spec.containers[0].env[0].valueFrom: Invalid value: "": may not have more than one field specified at a time]
            /spec/containers/0/envFrom = [{"configMapRef":{"name":""},"prefix":"a="},{}]
              [spec.containers[0].envFrom[0].prefix: Invalid value: "a=": a valid environment variable name must consist only of printable ASCII characters other than '=', spec.containers[0].envFrom[0].configMapRef.name: Required value, spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`]
        "#]],
    );
}

#[test]
fn mounts_and_volumes() {
    check(
        "Pod",
        &[
            ("/spec/containers/0/volumeMounts/0/name", json!("other")),
            ("/spec/containers/0/volumeMounts/0/mountPath", json!("")),
            (
                "/spec/containers/0/volumeMounts/-",
                json!({"name": "data", "mountPath": "/data"}),
            ),
            ("/spec/containers/0/volumeMounts/0/subPath", json!("/a")),
            ("/spec/containers/0/volumeMounts/0/subPath", json!("a/../b")),
            (
                "/spec/containers/0/volumeMounts/0",
                json!({"name": "data", "mountPath": "/d", "subPath": "a", "subPathExpr": "b"}),
            ),
            (
                "/spec/containers/0/volumeMounts/0/mountPropagation",
                json!("Bidirectional"),
            ),
            (
                "/spec/containers/0/volumeMounts/0/recursiveReadOnly",
                json!("Enabled"),
            ),
            (
                "/spec/containers/0/volumeDevices",
                json!([{"name": "data", "devicePath": "/dev/x"}]),
            ),
            ("/spec/volumes/-", json!({"name": "data", "emptyDir": {}})),
            ("/spec/volumes/-", json!({"name": "A"})),
            (
                "/spec/volumes/-",
                json!({"name": "two", "emptyDir": {}, "hostPath": {"path": "/x"}}),
            ),
            (
                "/spec/volumes/-",
                json!({"name": "h", "hostPath": {"path": "/a/../b", "type": "Odd"}}),
            ),
            (
                "/spec/volumes/-",
                json!({"name": "s", "secret": {"defaultMode": 512, "items": [{"path": "../x"}]}}),
            ),
            ("/spec/volumes/-", json!({"name": "c", "configMap": {}})),
            (
                "/spec/volumes/-",
                json!({"name": "p", "persistentVolumeClaim": {}}),
            ),
            (
                "/spec/volumes/-",
                json!({"name": "n", "nfs": {"server": "s", "path": "x"}}),
            ),
            (
                "/spec/volumes/-",
                json!({"name": "d", "downwardAPI": {"items": [{"path": "x"}]}}),
            ),
            (
                "/spec/volumes/-",
                json!({"name": "d", "downwardAPI": {"items": [{"path": "x", "fieldRef": {"fieldPath": "spec.nodeName"}}]}}),
            ),
            (
                "/spec/volumes/-",
                json!({"name": "d", "downwardAPI": {"items": [{"path": "x", "resourceFieldRef": {"resource": "limits.cpu"}}]}}),
            ),
            (
                "/spec/volumes/-",
                json!({"name": "t", "projected": {"sources": [{"serviceAccountToken": {"expirationSeconds": 5, "path": ""}}]}}),
            ),
            (
                "/spec/volumes/-",
                json!({"name": "t", "projected": {"sources": [
                {"configMap": {"name": "a", "items": [{"key": "k", "path": "x"}]}}, {"secret": {"name": "b", "items": [{"key": "k", "path": "x"}]}}]}}),
            ),
            (
                "/spec/volumes",
                json!([{"name": "data", "persistentVolumeClaim": {"claimName": "web-e"}},
                {"name": "e", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}}]),
            ),
            ("/spec/volumes/-", json!({"name": "e", "ephemeral": {}})),
            (
                "/spec/volumes/-",
                json!({"name": "m", "emptyDir": {"sizeLimit": "-1"}}),
            ),
        ],
        expect![[r#"
            /spec/containers/0/volumeMounts/0/name = "other"
              spec.containers[0].volumeMounts[0].name: Not found: "other"
            /spec/containers/0/volumeMounts/0/mountPath = ""
              spec.containers[0].volumeMounts[0].mountPath: Required value
            /spec/containers/0/volumeMounts/- = {"mountPath":"/data","name":"data"}
              spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/data": must be unique
            /spec/containers/0/volumeMounts/0/subPath = "/a"
              spec.containers[0].volumeMounts.subPath: Invalid value: "/a": must be a relative path
            /spec/containers/0/volumeMounts/0/subPath = "a/../b"
              spec.containers[0].volumeMounts.subPath: Invalid value: "a/../b": must not contain '..'
            /spec/containers/0/volumeMounts/0 = {"mountPath":"/d","name":"data","subPath":"a","subPathExpr":"b"}
              spec.containers[0].volumeMounts.subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive
            /spec/containers/0/volumeMounts/0/mountPropagation = "Bidirectional"
              spec.containers[0].volumeMounts[0].mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers
            /spec/containers/0/volumeMounts/0/recursiveReadOnly = "Enabled"
              spec.containers[0].volumeMounts[0].recursiveReadOnly: Forbidden: may only be specified when readOnly is true
            /spec/containers/0/volumeDevices = [{"devicePath":"/dev/x","name":"data"}]
              [spec.containers[0].volumeMounts[0].name: Invalid value: "data": must not already exist in volumeDevices, spec.containers[0].volumeDevices[0].name: Invalid value: "data": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode]
            /spec/volumes/- = {"emptyDir":{},"name":"data"}
              spec.volumes[1].name: Duplicate value: "data"
            /spec/volumes/- = {"name":"A"}
              spec.volumes[1].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            /spec/volumes/- = {"emptyDir":{},"hostPath":{"path":"/x"},"name":"two"}
              spec.volumes[1].hostPath: Forbidden: may not specify more than 1 volume type
            /spec/volumes/- = {"hostPath":{"path":"/a/../b","type":"Odd"},"name":"h"}
              [spec.volumes[1].hostPath.path: Invalid value: "/a/../b": must not contain '..', spec.volumes[1].hostPath.type: Unsupported value: "Odd": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"]
            /spec/volumes/- = {"name":"s","secret":{"defaultMode":512,"items":[{"path":"../x"}]}}
              [spec.volumes[1].secret.secretName: Required value, spec.volumes[1].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive, spec.volumes[1].secret.items[0].key: Required value, spec.volumes[1].secret.items[0].path: Invalid value: "../x": must not contain '..']
            /spec/volumes/- = {"configMap":{},"name":"c"}
              spec.volumes[1].configMap.name: Required value
            /spec/volumes/- = {"name":"p","persistentVolumeClaim":{}}
              spec.volumes[1].persistentVolumeClaim.claimName: Required value
            /spec/volumes/- = {"name":"n","nfs":{"path":"x","server":"s"}}
              spec.volumes[1].nfs.path: Invalid value: "x": must be an absolute path
            /spec/volumes/- = {"downwardAPI":{"items":[{"path":"x"}]},"name":"d"}
              spec.volumes[1].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required
            /spec/volumes/- = {"downwardAPI":{"items":[{"fieldRef":{"fieldPath":"spec.nodeName"},"path":"x"}]},"name":"d"}
              spec.volumes[1].downwardAPI.fieldRef.fieldPath: Unsupported value: "spec.nodeName": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"
            /spec/volumes/- = {"downwardAPI":{"items":[{"path":"x","resourceFieldRef":{"resource":"limits.cpu"}}]},"name":"d"}
              spec.volumes[1].downwardAPI.resourceFieldRef.containerName: Required value
            /spec/volumes/- = {"name":"t","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":5,"path":""}}]}}
              [spec.volumes[1].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes, spec.volumes[1].projected.sources[0].serviceAccountToken.path: Required value, spec.volumes[1].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set]
            /spec/volumes/- = {"name":"t","projected":{"sources":[{"configMap":{"items":[{"key":"k","path":"x"}],"name":"a"}},{"secret":{"items":[{"key":"k","path":"x"}],"name":"b"}}]}}
              spec.volumes[1].projected.sources[1].secret: Invalid value: "x": conflicting duplicate paths
            /spec/volumes = [{"name":"data","persistentVolumeClaim":{"claimName":"web-e"}},{"ephemeral":{"volumeClaimTemplate":{"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}},"name":"e"}]
              spec.volumes[0].persistentVolumeClaim.claimName: Invalid value: "web-e": must not reference a PVC that gets created for an ephemeral volume
            /spec/volumes/- = {"ephemeral":{},"name":"e"}
              spec.volumes[1].ephemeral.volumeClaimTemplate: Required value
            /spec/volumes/- = {"emptyDir":{"sizeLimit":"-1"},"name":"m"}
              spec.volumes[1].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity
        "#]],
    );
}
