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
            /spec/volumes/- = {"ephemeral":{},"name":"e"}
              spec.volumes[1].ephemeral.volumeClaimTemplate: Required value
            /spec/volumes/- = {"emptyDir":{"sizeLimit":"-1"},"name":"m"}
              spec.volumes[1].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity
        "#]],
    );
}

#[test]
fn resources_and_handlers() {
    check(
        "Pod",
        &[
            ("/spec/containers/0/resources/requests", json!({"cpu": "1"})),
            (
                "/spec/containers/0/resources/requests",
                json!({"memory": "-1"}),
            ),
            ("/spec/containers/0/resources/limits", json!({"disk": "1"})),
            (
                "/spec/containers/0/resources/limits",
                json!({"example.com/gpu": "500m"}),
            ),
            (
                "/spec/containers/0/resources/requests",
                json!({"example.com/gpu": "1"}),
            ),
            (
                "/spec/containers/0/resources/limits",
                json!({"hugepages-2Mi": "5Mi"}),
            ),
            ("/spec/containers/0/resources/limits/cpu", json!("one")),
            (
                "/spec/containers/0/resources/claims",
                json!([{"name": "gpu"}]),
            ),
            ("/spec/containers/0/livenessProbe", json!({})),
            (
                "/spec/containers/0/livenessProbe",
                json!({"httpGet": {"port": 0}, "exec": {"command": ["x"]}}),
            ),
            (
                "/spec/containers/0/livenessProbe",
                json!({"tcpSocket": {"port": "no_name"}, "successThreshold": 2}),
            ),
            (
                "/spec/containers/0/readinessProbe",
                json!({"exec": {}, "periodSeconds": -1, "terminationGracePeriodSeconds": 0}),
            ),
            (
                "/spec/containers/0/lifecycle",
                json!({"preStop": {"sleep": {"seconds": 31}}}),
            ),
            ("/spec/containers/0/lifecycle", json!({"postStart": {}})),
        ],
        expect![[r#"
            /spec/containers/0/resources/requests = {"cpu":"1"}
              spec.containers[0].resources.requests: Invalid value: "1": must be less than or equal to cpu limit of 500m
            /spec/containers/0/resources/requests = {"memory":"-1"}
              spec.containers[0].resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0
            /spec/containers/0/resources/limits = {"disk":"1"}
              [spec.containers[0].resources.limits[disk]: Invalid value: "disk": must be a standard resource type or fully qualified, spec.containers[0].resources.limits[disk]: Invalid value: "disk": must be a standard resource for containers, spec.containers[0].resources.requests[disk]: Invalid value: "disk": must be a standard resource type or fully qualified, spec.containers[0].resources.requests[disk]: Invalid value: "disk": must be a standard resource for containers]
            /spec/containers/0/resources/limits = {"example.com/gpu":"500m"}
              [spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer, spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer]
            /spec/containers/0/resources/requests = {"example.com/gpu":"1"}
              spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources
            /spec/containers/0/resources/limits = {"hugepages-2Mi":"5Mi"}
              [spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: "5Mi": 5Mi is not positive integer multiple of hugepages-2Mi, spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: "5Mi": 5Mi is not positive integer multiple of hugepages-2Mi, spec.containers[0].resources: Forbidden: HugePages require cpu or memory]
            /spec/containers/0/resources/limits/cpu = "one"
              [spec.containers[0].resources.limits[cpu]: Invalid value: "one": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$', spec.containers[0].resources.requests[cpu]: Invalid value: "one": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$']
            /spec/containers/0/resources/claims = [{"name":"gpu"}]
              spec.containers[0].resources.claims[0].name: Not found: "gpu": must be one of the names in pod.spec.resourceClaims which is empty
            /spec/containers/0/livenessProbe = {}
              spec.containers[0].livenessProbe: Required value: must specify a handler type
            /spec/containers/0/livenessProbe = {"exec":{"command":["x"]},"httpGet":{"port":0}}
              spec.containers[0].livenessProbe.httpGet: Forbidden: may not specify more than 1 handler type
            /spec/containers/0/livenessProbe = {"successThreshold":2,"tcpSocket":{"port":"no_name"}}
              [spec.containers[0].livenessProbe.tcpSocket.port: Invalid value: "no_name": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-), spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1]
            /spec/containers/0/readinessProbe = {"exec":{},"periodSeconds":-1,"terminationGracePeriodSeconds":0}
              [spec.containers[0].readinessProbe.exec.command: Required value, spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0, spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0, spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 0: must not be set for readinessProbes]
            /spec/containers/0/lifecycle = {"preStop":{"sleep":{"seconds":31}}}
              spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)
            /spec/containers/0/lifecycle = {"postStart":{}}
              spec.containers[0].lifecycle.postStart: Required value: must specify a handler type
        "#]],
    );
}

#[test]
fn security() {
    check(
        "Pod",
        &[
            (
                "/spec/securityContext",
                json!({"runAsUser": -1, "fsGroupChangePolicy": "Never"}),
            ),
            (
                "/spec/securityContext",
                json!({"seccompProfile": {"type": "Localhost"}}),
            ),
            (
                "/spec/securityContext",
                json!({"seccompProfile": {"type": "RuntimeDefault", "localhostProfile": "x"}}),
            ),
            (
                "/spec/securityContext",
                json!({"sysctls": [{"name": "A"}, {"name": "net.ipv4.x", "value": "1"}, {"name": "net.ipv4.x", "value": "1"}]}),
            ),
            (
                "/spec/containers/0/securityContext",
                json!({"privileged": true, "allowPrivilegeEscalation": false}),
            ),
            (
                "/spec/containers/0/securityContext",
                json!({"procMount": "None", "appArmorProfile": {}}),
            ),
            ("/spec/hostUsers", json!(false)),
        ],
        expect![[r#"
            /spec/securityContext = {"fsGroupChangePolicy":"Never","runAsUser":-1}
              [spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive, spec.securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", "OnRootMismatch"]
            /spec/securityContext = {"seccompProfile":{"type":"Localhost"}}
              spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost
            /spec/securityContext = {"seccompProfile":{"localhostProfile":"x","type":"RuntimeDefault"}}
              spec.securityContext.seccompProfile.localhostProfile: Invalid value: "x": can only be set when seccomp type is Localhost
            /spec/securityContext = {"sysctls":[{"name":"A"},{"name":"net.ipv4.x","value":"1"},{"name":"net.ipv4.x","value":"1"}]}
              [spec.securityContext.sysctls[0].name: Invalid value: "A": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$, spec.securityContext.sysctls[2].name: Duplicate value: "net.ipv4.x"]
            /spec/containers/0/securityContext = {"allowPrivilegeEscalation":false,"privileged":true}
              spec.containers[0].securityContext: Invalid value: {"allowPrivilegeEscalation":false,"privileged":true}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true
            /spec/containers/0/securityContext = {"appArmorProfile":{},"procMount":"None"}
              [spec.containers[0].securityContext.procMount: Unsupported value: "None": supported values: "Default", "Unmasked", spec.containers[0].securityContext.appArmorProfile.type: Required value: type is required when appArmorProfile is set]
            /spec/hostUsers = false
              nothing is wrong
        "#]],
    );
}

#[test]
fn names_and_scheduling() {
    check(
        "Pod",
        &[
            ("/spec/restartPolicy", json!("Sometimes")),
            ("/spec/dnsPolicy", json!("None")),
            (
                "/spec/dnsConfig",
                json!({"nameservers": ["1.1.1.1", "1.1.1.2", "1.1.1.3", "x"], "searches": ["_a.b", "A"]}),
            ),
            ("/spec/nodeName", json!("a_b")),
            ("/spec/hostname", json!("a.b")),
            ("/spec/serviceAccountName", json!("A")),
            ("/spec/activeDeadlineSeconds", json!(0)),
            ("/spec/nodeSelector", json!({"a b": "c"})),
            (
                "/spec/hostAliases",
                json!([{"ip": "x", "hostnames": ["A"]}]),
            ),
            ("/spec/readinessGates/0/conditionType", json!("a b")),
            (
                "/spec/schedulingGates",
                json!([{"name": "a"}, {"name": "a"}]),
            ),
            ("/spec/tolerations", json!([{"operator": "Equal"}])),
            (
                "/spec/tolerations",
                json!([{"key": "a", "operator": "Exists", "value": "x"}]),
            ),
            (
                "/spec/tolerations",
                json!([{"key": "a", "operator": "Near", "effect": "Never"}]),
            ),
            (
                "/spec/tolerations",
                json!([{"key": "a", "tolerationSeconds": 3}]),
            ),
            (
                "/spec/topologySpreadConstraints",
                json!([{"maxSkew": 0, "topologyKey": "", "whenUnsatisfiable": "Never"}]),
            ),
            (
                "/spec/topologySpreadConstraints",
                json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 2}]),
            ),
            (
                "/spec/affinity",
                json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}),
            ),
            (
                "/spec/affinity",
                json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 101, "preference": {"matchExpressions": [{"key": "a", "operator": "Gt"}]}}]}}),
            ),
            (
                "/spec/affinity",
                json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": {}}]}}),
            ),
            ("/spec/hostnameOverride", json!("A")),
            ("/spec/os", json!({"name": "plan9"})),
            ("/spec/preemptionPolicy", json!("Always")),
            ("/spec/shareProcessNamespace", json!(true)),
            (
                "/metadata/annotations",
                json!({"controller.kubernetes.io/pod-deletion-cost": "+1"}),
            ),
        ],
        expect![[r#"
            /spec/restartPolicy = "Sometimes"
              spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"
            /spec/dnsPolicy = "None"
              spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None
            /spec/dnsConfig = {"nameservers":["1.1.1.1","1.1.1.2","1.1.1.3","x"],"searches":["_a.b","A"]}
              [spec.dnsConfig.nameservers: Invalid value: ["1.1.1.1","1.1.1.2","1.1.1.3","x"]: must not have more than 3 nameservers, spec.dnsConfig.nameservers[3]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff), spec.dnsConfig.searches[1]: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')]
            /spec/nodeName = "a_b"
              spec.nodeName: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /spec/hostname = "a.b"
              spec.hostname: Invalid value: "a.b": must not contain dots
            /spec/serviceAccountName = "A"
              spec.serviceAccountName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /spec/activeDeadlineSeconds = 0
              spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive
            /spec/nodeSelector = {"a b":"c"}
              spec.nodeSelector: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            /spec/hostAliases = [{"hostnames":["A"],"ip":"x"}]
              [spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff), spec.hostAliases[0].hostnames[0]: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')]
            /spec/readinessGates/0/conditionType = "a b"
              spec.readinessGates[0].conditionType: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            /spec/schedulingGates = [{"name":"a"},{"name":"a"}]
              [spec.schedulingGates[1]: Duplicate value: "a", spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared]
            /spec/tolerations = [{"operator":"Equal"}]
              spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"
            /spec/tolerations = [{"key":"a","operator":"Exists","value":"x"}]
              spec.tolerations[0].operator: Invalid value: {"key":"a","operator":"Exists","value":"x"}: value must be empty when `operator` is 'Exists'
            /spec/tolerations = [{"effect":"Never","key":"a","operator":"Near"}]
              [spec.tolerations[0].operator: Unsupported value: "Near": supported values: "Equal", "Exists", spec.tolerations[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"]
            /spec/tolerations = [{"key":"a","tolerationSeconds":3}]
              spec.tolerations[0].effect: Invalid value: "": effect must be 'NoExecute' when `tolerationSeconds` is set
            /spec/topologySpreadConstraints = [{"maxSkew":0,"topologyKey":"","whenUnsatisfiable":"Never"}]
              [spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero, spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty, spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Never": supported values: "DoNotSchedule", "ScheduleAnyway"]
            /spec/topologySpreadConstraints = [{"maxSkew":1,"minDomains":2,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway"}]
              spec.topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway
            /spec/affinity = {"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[]}}}
              spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term
            /spec/affinity = {"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"preference":{"matchExpressions":[{"key":"a","operator":"Gt"}]},"weight":101}]}}
              [spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100, spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt']
            /spec/affinity = {"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{}}]}}
              spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty
            /spec/hostnameOverride = "A"
              spec.hostnameOverride: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /spec/os = {"name":"plan9"}
              spec.os.name: Unsupported value: "plan9": supported values: "linux", "windows"
            /spec/preemptionPolicy = "Always"
              spec.preemptionPolicy: Unsupported value: "Always": supported values: "PreemptLowerPriority", "Never"
            /spec/shareProcessNamespace = true
              nothing is wrong
            /metadata/annotations = {"controller.kubernetes.io/pod-deletion-cost":"+1"}
              metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be a 32bit integer
        "#]],
    );
}
