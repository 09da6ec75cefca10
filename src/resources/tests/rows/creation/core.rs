use serde_json::json;

use super::{check, expect};

#[test]
fn config_maps() {
    check(
        "ConfigMap",
        &[
            ("/data/a~1b", json!("x")),
            ("/data/..x", json!("x")),
            ("/data/c", json!("also binary")),
            ("/data/a.conf", json!("x".repeat(1 << 20))),
        ],
        expect![[r#"
            /data/a~1b = "x"
              data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')
            /data/..x = "x"
              data[..x]: Invalid value: "..x": must not start with '..'
            /data/c = "also binary"
              data[c]: Invalid value: "c": duplicate of key present in binaryData
            /data/a.conf = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              <nil>: Too long: may not be more than 1048576 bytes
        "#]],
    );
}

#[test]
fn secrets() {
    check(
        "Secret",
        &[
            ("/stringData/a b", json!("x")),
            ("/type", json!("kubernetes.io/tls")),
            ("/type", json!("kubernetes.io/ssh-auth")),
            ("/type", json!("kubernetes.io/dockerconfigjson")),
            ("/type", json!("kubernetes.io/service-account-token")),
            ("/type", json!("example.com/own")),
            ("/stringData/big", json!("x".repeat(1 << 20))),
        ],
        expect![[r#"
            /stringData/a b = "x"
              data[a b]: Invalid value: "a b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')
            /type = "kubernetes.io/tls"
              [data[tls.crt]: Required value, data[tls.key]: Required value]
            /type = "kubernetes.io/ssh-auth"
              data[ssh-privatekey]: Required value
            /type = "kubernetes.io/dockerconfigjson"
              data[.dockerconfigjson]: Required value
            /type = "kubernetes.io/service-account-token"
              metadata.annotations[kubernetes.io/service-account.name]: Required value
            /type = "example.com/own"
              nothing is wrong
            /stringData/big = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
              data: Too long: may not be more than 1048576 bytes
        "#]],
    );
}

#[test]
fn services() {
    check(
        "Service",
        &[
            ("/spec/type", json!("ClusterIP")),
            ("/spec/type", json!("Other")),
            ("/spec/ports", json!(null)),
            ("/spec/ports/0/name", json!("Http")),
            ("/spec/ports/1/name", json!("http")),
            ("/spec/ports/1/name", json!(null)),
            ("/spec/ports/0/port", json!(0)),
            ("/spec/ports/0/protocol", json!("ICMP")),
            ("/spec/ports/0/targetPort", json!("a_b")),
            ("/spec/ports/0/targetPort", json!(70000)),
            ("/spec/ports/-", json!({"name": "again", "port": 80})),
            (
                "/spec/ports/-",
                json!({"name": "again", "port": 81, "nodePort": 30080}),
            ),
            ("/spec/clusterIP", json!("None")),
            ("/spec/clusterIP", json!("300.0.0.1")),
            ("/spec/clusterIPs", json!(["10.43.0.8"])),
            ("/spec/ipFamilies", json!(["IPv5"])),
            ("/spec/ipFamilies", json!(["IPv6"])),
            ("/spec/ipFamilyPolicy", json!("Dual")),
            ("/spec/sessionAffinity", json!("Sticky")),
            ("/spec/sessionAffinity", json!("ClientIP")),
            ("/spec/externalIPs", json!(["127.0.0.1", "0.0.0.0", "x"])),
            ("/spec/externalTrafficPolicy", json!("Near")),
            ("/spec/internalTrafficPolicy", json!("Near")),
            ("/spec/trafficDistribution", json!("Near")),
            ("/spec/healthCheckNodePort", json!(30000)),
            ("/spec/loadBalancerSourceRanges", json!(["10.0.0.0/8"])),
            ("/spec/loadBalancerClass", json!("example.com/lb")),
            ("/spec/selector", json!({"a b": "c"})),
            ("/spec", json!({"type": "ExternalName"})),
            (
                "/spec",
                json!({"type": "ExternalName", "externalName": "example.com", "clusterIP": "10.43.0.1"}),
            ),
            (
                "/spec",
                json!({"type": "ExternalName", "externalName": "example.com."}),
            ),
            ("/spec", json!({"clusterIP": "None"})),
        ],
        expect![[r#"
            /spec/type = "ClusterIP"
              spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'
            /spec/type = "Other"
              spec.type: Unsupported value: "Other": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"
            /spec/ports = null
              spec.ports: Required value
            /spec/ports/0/name = "Http"
              spec.ports[0].name: Invalid value: "Http": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            /spec/ports/1/name = "http"
              spec.ports[1].name: Duplicate value: "http"
            /spec/ports/1/name = null
              spec.ports[1].name: Required value
            /spec/ports/0/port = 0
              [spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive]
            /spec/ports/0/protocol = "ICMP"
              spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"
            /spec/ports/0/targetPort = "a_b"
              spec.ports[0].targetPort: Invalid value: "a_b": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)
            /spec/ports/0/targetPort = 70000
              spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive
            /spec/ports/- = {"name":"again","port":80}
              spec.ports[2]: Duplicate value: {"AppProtocol":null,"Name":"","NodePort":0,"Port":80,"Protocol":"TCP","TargetPort":0}
            /spec/ports/- = {"name":"again","nodePort":30080,"port":81}
              spec.ports[2].nodePort: Duplicate value: 30080
            /spec/clusterIP = "None"
              spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services
            /spec/clusterIP = "300.0.0.1"
              spec.clusterIPs[0]: Invalid value: "300.0.0.1": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            /spec/clusterIPs = ["10.43.0.8"]
              spec.clusterIPs: Invalid value: ["10.43.0.8"]: first value must match `clusterIP`
            /spec/ipFamilies = ["IPv5"]
              [spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6", spec.clusterIPs[0]: Invalid value: "10.43.0.7": expected an IPv5 value as indicated by `ipFamilies[0]`]
            /spec/ipFamilies = ["IPv6"]
              spec.clusterIPs[0]: Invalid value: "10.43.0.7": expected an IPv6 value as indicated by `ipFamilies[0]`
            /spec/ipFamilyPolicy = "Dual"
              spec.ipFamilyPolicy: Unsupported value: "Dual": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"
            /spec/sessionAffinity = "Sticky"
              spec.sessionAffinity: Unsupported value: "Sticky": supported values: "ClientIP", "None"
            /spec/sessionAffinity = "ClientIP"
              nothing is wrong
            /spec/externalIPs = ["127.0.0.1","0.0.0.0","x"]
              [spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128), spec.externalIPs[1]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0), spec.externalIPs[2]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)]
            /spec/externalTrafficPolicy = "Near"
              spec.externalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"
            /spec/internalTrafficPolicy = "Near"
              spec.internalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"
            /spec/trafficDistribution = "Near"
              spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"
            /spec/healthCheckNodePort = 30000
              spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'
            /spec/loadBalancerSourceRanges = ["10.0.0.0/8"]
              spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'
            /spec/loadBalancerClass = "example.com/lb"
              spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'
            /spec/selector = {"a b":"c"}
              spec.selector: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            /spec = {"type":"ExternalName"}
              spec.externalName: Required value
            /spec = {"clusterIP":"10.43.0.1","externalName":"example.com","type":"ExternalName"}
              spec.clusterIPs: Forbidden: may not be set for ExternalName services
            /spec = {"externalName":"example.com.","type":"ExternalName"}
              nothing is wrong
            /spec = {"clusterIP":"None"}
              nothing is wrong
        "#]],
    );
}

#[test]
fn nodes() {
    check(
        "Node",
        &[
            (
                "/spec/taints",
                json!([{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"}]),
            ),
            ("/spec/taints", json!([{"key": "a b"}])),
            ("/spec/taints", json!([{"key": "a", "effect": "Never"}])),
            ("/spec/podCIDRs", json!(["10.42.0.0/24", "10.43.0.0/24"])),
            ("/spec/podCIDR", json!("10.42.0.0")),
            ("/status/capacity/cpu", json!("-1")),
        ],
        expect![[r#"
            /spec/taints = [{"effect":"NoSchedule","key":"a"},{"effect":"NoSchedule","key":"a"}]
              metadata.taints[1]: Duplicate value: {"effect":"NoSchedule","key":"a"}: taints must be unique by key and effect pair
            /spec/taints = [{"key":"a b"}]
              [metadata.taints[0].key: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'), metadata.taints[0].effect: Required value]
            /spec/taints = [{"effect":"Never","key":"a"}]
              metadata.taints[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"
            /spec/podCIDRs = ["10.42.0.0/24","10.43.0.0/24"]
              spec.podCIDRs: Invalid value: ["10.42.0.0/24","10.43.0.0/24"]: may specify no more than one CIDR for each IP family
            /spec/podCIDR = "10.42.0.0"
              spec.podCIDRs[0]: Invalid value: "10.42.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)
            /status/capacity/cpu = "-1"
              [status.capacity[cpu]: Invalid value: "-1": must be greater than or equal to 0, status.allocatable[cpu]: Invalid value: "-1": must be greater than or equal to 0]
        "#]],
    );
}

#[test]
fn namespaces_events_leases() {
    check(
        "Namespace",
        &[("/spec/finalizers", json!(["mine"]))],
        expect![[r#"
            /spec/finalizers = ["mine"]
              spec.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified
        "#]],
    );
    check(
        "Event",
        &[
            ("/involvedObject/namespace", json!("other")),
            ("/involvedObject/namespace", json!(null)),
            ("/eventTime", json!("2026-01-10T11:00:00.000000Z")),
        ],
        expect![[r#"
            /involvedObject/namespace = "other"
              involvedObject.namespace: Invalid value: "other": does not match event.namespace
            /involvedObject/namespace = null
              nothing is wrong
            /eventTime = "2026-01-10T11:00:00.000000Z"
              [reportingComponent: Required value, reportingInstance: Required value, action: Required value]
        "#]],
    );
    check(
        "Lease",
        &[
            ("/spec/leaseDurationSeconds", json!(0)),
            ("/spec/leaseTransitions", json!(-1)),
        ],
        expect![[r#"
            /spec/leaseDurationSeconds = 0
              spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0
            /spec/leaseTransitions = -1
              spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
}
