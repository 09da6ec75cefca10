use serde_json::json;

use super::{check, expect};

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
                "/spec/resources",
                json!({"requests": {"cpu": "100m"}, "limits": {"cpu": "400m"}}),
            ),
            ("/spec/resources", json!({"requests": {"disk": "1"}})),
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
            /spec/resources = {"limits":{"cpu":"400m"},"requests":{"cpu":"100m"}}
              [spec.resources.requests[cpu]: Invalid value: "100m": must be greater than or equal to aggregate container requests of 500m, spec.resources.containers[0][cpu].limits: Invalid value: "500m": must be less than or equal to pod limits of 400m]
            /spec/resources = {"requests":{"disk":"1"}}
              spec.resources.requests[disk]: Unsupported value: "disk": supported values: "cpu", "memory", "hugepages-"
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
            (
                "/spec",
                json!({"os": {"name": "linux"}, "securityContext": {"windowsOptions": {}}, "containers": [{"name": "a", "image": "x"}]}),
            ),
            (
                "/spec",
                json!({"os": {"name": "windows"}, "hostPID": true, "containers": [{"name": "a", "image": "x", "securityContext": {"runAsUser": 1}}]}),
            ),
            (
                "/metadata/annotations",
                json!({"container.apparmor.security.beta.kubernetes.io/none": "unconfined"}),
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
            /spec = {"containers":[{"image":"x","name":"a"}],"os":{"name":"linux"},"securityContext":{"windowsOptions":{}}}
              spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod
            /spec = {"containers":[{"image":"x","name":"a","securityContext":{"runAsUser":1}}],"hostPID":true,"os":{"name":"windows"}}
              [spec.hostPID: Forbidden: cannot be set for a windows pod, spec.containers[0].securityContext.runAsUser: Forbidden: cannot be set for a windows pod]
            /metadata/annotations = {"container.apparmor.security.beta.kubernetes.io/none":"unconfined"}
              metadata.annotations[container.apparmor.security.beta.kubernetes.io/none]: Invalid value: "none": container not found
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
            (
                "/spec/affinity",
                json!({"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 0, "podAffinityTerm": {
                    "topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}},
                    "matchLabelKeys": ["tier", "app"], "mismatchLabelKeys": ["tier"],
                }}]}}),
            ),
            (
                "/spec/topologySpreadConstraints",
                json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "matchLabelKeys": ["a b"]}]),
            ),
            (
                "/spec/topologySpreadConstraints",
                json!([{
                    "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "matchLabelKeys": ["app", "absent"],
                    "labelSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}, {"key": "absent", "operator": "Exists"}]},
                }]),
            ),
            (
                "/spec/topologySpreadConstraints",
                json!([{
                    "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "matchLabelKeys": ["app", "app", "app"],
                    "labelSelector": {},
                }]),
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
            /spec/affinity = {"podAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"podAffinityTerm":{"labelSelector":{"matchLabels":{"app":"web"}},"matchLabelKeys":["tier","app"],"mismatchLabelKeys":["tier"],"topol
              [spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100, spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm[1]: Invalid value: "app": exists in both matchLabelKeys and labelSelector, spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.matchLabelKeys[0]: Invalid value: "tier": exists in both matchLabelKeys and mismatchLabelKeys]
            /spec/topologySpreadConstraints = [{"matchLabelKeys":["a b"],"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway"}]
              spec.topologySpreadConstraints[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set
            /spec/topologySpreadConstraints = [{"labelSelector":{"matchExpressions":[{"key":"app","operator":"Exists"},{"key":"absent","operator":"Exists"}]},"matchLabelKeys":["app","absent"],"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"
              spec.topologySpreadConstraints[0][0]: Invalid value: "app": exists in both matchLabelKeys and labelSelector
            /spec/topologySpreadConstraints = [{"labelSelector":{},"matchLabelKeys":["app","app","app"],"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway"}]
              spec.topologySpreadConstraints[0][2]: Invalid value: "app": exists in both matchLabelKeys and labelSelector
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
