use serde_json::json;

use super::{check, expect};

#[test]
fn endpoints() {
    check(
        "Endpoints",
        &[
            ("/subsets/0", json!({})),
            ("/subsets/0/addresses/0/ip", json!("127.0.0.1")),
            ("/subsets/0/addresses/0/ip", json!("x")),
            ("/subsets/0/addresses/0/hostname", json!("a.b")),
            ("/subsets/0/ports/0/name", json!(null)),
            ("/subsets/0/ports/0/port", json!(0)),
            ("/subsets/0/ports/0/protocol", json!("ICMP")),
        ],
        expect![[r#"
            /subsets/0 = {}
              subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`
            /subsets/0/addresses/0/ip = "127.0.0.1"
              subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)
            /subsets/0/addresses/0/ip = "x"
              subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)
            /subsets/0/addresses/0/hostname = "a.b"
              subsets[0].addresses[0].hostname: Invalid value: "a.b": must not contain dots
            /subsets/0/ports/0/name = null
              subsets[0].ports[0].name: Required value
            /subsets/0/ports/0/port = 0
              subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive
            /subsets/0/ports/0/protocol = "ICMP"
              subsets[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"
        "#]],
    );
    check(
        "EndpointSlice",
        &[
            ("/addressType", json!(null)),
            ("/addressType", json!("IPv5")),
            ("/addressType", json!("IPv6")),
            ("/addressType", json!("FQDN")),
            ("/endpoints/0/addresses", json!([])),
            ("/endpoints/0/addresses", json!(["2001:db8::1"])),
            ("/endpoints/0/addresses", json!(["169.254.0.1"])),
            ("/endpoints/0/hostname", json!("A")),
            (
                "/endpoints/0/hints",
                json!({"forZones": [{"name": "a"}, {"name": "a"}]}),
            ),
            ("/ports/0/name", json!("dns")),
            ("/ports/0/name", json!("A")),
            ("/ports/0/protocol", json!("ICMP")),
        ],
        expect![[r#"
            /addressType = null
              addressType: Required value
            /addressType = "IPv5"
              addressType: Unsupported value: "IPv5": supported values: "FQDN", "IPv4", "IPv6"
            /addressType = "IPv6"
              [endpoints[0].addresses[0]: Invalid value: "10.42.0.2": must be an IPv6 address, endpoints[1].addresses[0]: Invalid value: "10.42.0.3": must be an IPv6 address, endpoints[2].addresses[0]: Invalid value: "10.42.0.4": must be an IPv6 address, endpoints[3].addresses[0]: Invalid value: "10.42.0.5": must be an IPv6 address]
            /addressType = "FQDN"
              nothing is wrong
            /endpoints/0/addresses = []
              endpoints[0].addresses: Required value: must contain at least 1 address
            /endpoints/0/addresses = ["2001:db8::1"]
              endpoints[0].addresses[0]: Invalid value: "2001:db8::1": must be an IPv4 address
            /endpoints/0/addresses = ["169.254.0.1"]
              endpoints[0].addresses[0]: Invalid value: "169.254.0.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)
            /endpoints/0/hostname = "A"
              endpoints[0].hostname: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            /endpoints/0/hints = {"forZones":[{"name":"a"},{"name":"a"}]}
              endpoints[0].hints.forZones[1].name: Duplicate value: "a"
            /ports/0/name = "dns"
              ports[1].name: Duplicate value: "dns"
            /ports/0/name = "A"
              ports[0].name: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            /ports/0/protocol = "ICMP"
              ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"
        "#]],
    );
}

#[test]
fn ingresses() {
    let backend = "/spec/rules/0/http/paths/0/backend";
    check(
        "Ingress",
        &[
            ("/spec", json!({})),
            ("/spec/rules/0/host", json!("10.0.0.1")),
            ("/spec/rules/0/host", json!("*.example.com")),
            ("/spec/rules/0/host", json!("a.*.com")),
            ("/spec/rules/0/http", json!({})),
            ("/spec/rules/0/http/paths/0/pathType", json!(null)),
            ("/spec/rules/0/http/paths/0/pathType", json!("Regex")),
            ("/spec/rules/0/http/paths/0/path", json!("a")),
            ("/spec/rules/0/http/paths/0/path", json!("/a//b/..")),
            (backend, json!({})),
            (backend, json!({"service": {"name": "A", "port": {}}})),
            (
                backend,
                json!({"service": {"name": "a", "port": {"name": "b", "number": 1}}}),
            ),
            (
                backend,
                json!({"resource": {"kind": "", "name": "a/b"}, "service": null}),
            ),
            (backend, json!({"resource": {}, "service": {}})),
            ("/spec/tls/0/secretName", json!("a b")),
            ("/spec/tls/0/hosts/0", json!("*")),
            ("/spec/ingressClassName", json!("A")),
            (
                "/metadata/annotations",
                json!({"kubernetes.io/ingress.class": "nginx"}),
            ),
        ],
        expect![[r#"
            /spec = {}
              spec: Invalid value: null: either `defaultBackend` or `rules` must be specified
            /spec/rules/0/host = "10.0.0.1"
              spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address
            /spec/rules/0/host = "*.example.com"
              nothing is wrong
            /spec/rules/0/host = "a.*.com"
              spec.rules[0].host: Invalid value: "a.*.com": a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /spec/rules/0/http = {}
              spec.rules[0].http.paths: Required value
            /spec/rules/0/http/paths/0/pathType = null
              spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified
            /spec/rules/0/http/paths/0/pathType = "Regex"
              spec.rules[0].http.paths[0].pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"
            /spec/rules/0/http/paths/0/path = "a"
              spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path
            /spec/rules/0/http/paths/0/path = "/a//b/.."
              [spec.rules[0].http.paths[0].path: Invalid value: "/a//b/..": must not contain '//', spec.rules[0].http.paths[0].path: Invalid value: "/a//b/..": cannot end with '/..']
            /spec/rules/0/http/paths/0/backend = {}
              spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is required
            /spec/rules/0/http/paths/0/backend = {"service":{"name":"A","port":{}}}
              [spec.rules[0].http.paths[0].backend.service.name: Invalid value: "A": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?'), spec.rules[0].http.paths[0].backend: Required value: port name or number is required]
            /spec/rules/0/http/paths/0/backend = {"service":{"name":"a","port":{"name":"b","number":1}}}
              spec.rules[0].http.paths[0].backend: Invalid value: "": cannot set both port name & port number
            /spec/rules/0/http/paths/0/backend = {"resource":{"kind":"","name":"a/b"},"service":null}
              [spec.rules[0].http.paths[0].backend.resource.kind: Required value: kind is required, spec.rules[0].http.paths[0].backend.resource.name: Invalid value: "a/b": may not contain '/']
            /spec/rules/0/http/paths/0/backend = {"resource":{},"service":{}}
              spec.rules[0].http.paths[0].backend: Invalid value: "": cannot set both resource and service backends
            /spec/tls/0/secretName = "a b"
              spec.tls[0].secretName: Invalid value: "a b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /spec/tls/0/hosts/0 = "*"
              spec.tls[0].hosts[0]: Invalid value: "*": a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /spec/ingressClassName = "A"
              spec.ingressClassName: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /metadata/annotations = {"kubernetes.io/ingress.class":"nginx"}
              annotations.kubernetes.io/ingress.class: Invalid value: "nginx": must match `ingressClassName` when both are specified
        "#]],
    );
    check(
        "IngressClass",
        &[
            ("/spec/controller", json!(null)),
            ("/spec/controller", json!("x")),
            ("/spec/controller", json!("example.com/a b")),
            ("/spec/parameters", json!({})),
            ("/spec/parameters/scope", json!("Namespace")),
            ("/spec/parameters/scope", json!("Node")),
            ("/spec/parameters/namespace", json!("x")),
        ],
        expect![[r#"
            /spec/controller = null
              spec.controller: Required value
            /spec/controller = "x"
              spec.controller: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")
            /spec/controller = "example.com/a b"
              spec.controller: Invalid value: "example.com/a b": Invalid path (regex used for validation is '[A-Za-z0-9/\-._~%!$&'()*+,;=:]+')
            /spec/parameters = {}
              [spec.parameters.kind: Required value: kind is required, spec.parameters.name: Required value: name is required]
            /spec/parameters/scope = "Namespace"
              spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'
            /spec/parameters/scope = "Node"
              spec.parameters.scope: Unsupported value: "Node": supported values: "Cluster", "Namespace"
            /spec/parameters/namespace = "x"
              spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'
        "#]],
    );
}

#[test]
fn policies_and_addresses() {
    let rule = "/spec/ingress/0";
    check(
        "NetworkPolicy",
        &[
            ("/spec/policyTypes", json!(["Ingress", "Egress", "Other"])),
            ("/spec/policyTypes", json!(["Other"])),
            ("/spec/podSelector/matchLabels/a b", json!("c")),
            (
                rule,
                json!({"ports": [{"port": 70_000}, {"port": 80, "endPort": 70}, {"port": "a_b"}]}),
            ),
            (
                rule,
                json!({"ports": [{"port": "http", "endPort": 80}, {"endPort": 80}, {"protocol": "ICMP"}]}),
            ),
            (rule, json!({"from": [{}]})),
            (
                rule,
                json!({"from": [{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]}),
            ),
            (
                rule,
                json!({"from": [{"ipBlock": {}}, {"ipBlock": {"cidr": "10"}}]}),
            ),
            (
                rule,
                json!({"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16", "10.0.0.0/8", "x"]}}]}),
            ),
        ],
        expect![[r#"
            /spec/policyTypes = ["Ingress","Egress","Other"]
              spec.policyTypes: Invalid value: ["Ingress","Egress","Other"]: may not specify more than two policyTypes
            /spec/policyTypes = ["Other"]
              spec.policyTypes[0]: Unsupported value: "Other": supported values: "Ingress", "Egress"
            /spec/podSelector/matchLabels/a b = "c"
              spec.podSelector.matchLabels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            /spec/ingress/0 = {"ports":[{"port":70000},{"endPort":70,"port":80},{"port":"a_b"}]}
              [spec.ingress[0].ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive, spec.ingress[0].ports[1].endPort: Invalid value: 80: must be greater than or equal to `port`, spec.ingress[0].ports[2].port: Invalid value: "a_b": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)]
            /spec/ingress/0 = {"ports":[{"endPort":80,"port":"http"},{"endPort":80},{"protocol":"ICMP"}]}
              [spec.ingress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` is non-numeric, spec.ingress[0].ports[1].endPort: Invalid value: 80: may not be specified when `port` is not specified, spec.ingress[0].ports[2].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"]
            /spec/ingress/0 = {"from":[{}]}
              spec.ingress[0].from[0]: Required value: must specify a peer
            /spec/ingress/0 = {"from":[{"ipBlock":{"cidr":"10.0.0.0/8"},"podSelector":{}}]}
              spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer
            /spec/ingress/0 = {"from":[{"ipBlock":{}},{"ipBlock":{"cidr":"10"}}]}
              [spec.ingress[0].from[0].ipBlock.cidr: Required value, spec.ingress[0].from[1].ipBlock.cidr: Invalid value: "10": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)]
            /spec/ingress/0 = {"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["11.0.0.0/16","10.0.0.0/8","x"]}}]}
              [spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`, spec.ingress[0].from[0].ipBlock.except[1]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`, spec.ingress[0].from[0].ipBlock.except[2]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)]
        "#]],
    );
    check(
        "IPAddress",
        &[
            ("/metadata/name", json!("x")),
            ("/metadata/name", json!("2001:DB8::1")),
            ("/spec", json!({})),
            ("/spec/parentRef", json!({})),
        ],
        expect![[r#"
            /metadata/name = "x"
              metadata.name: Invalid value: "x": ParseAddr("x"): unable to parse IP
            /metadata/name = "2001:DB8::1"
              metadata.name: Invalid value: "2001:DB8::1": must be a canonical format IP address
            /spec = {}
              spec.parentRef: Required value
            /spec/parentRef = {}
              [spec.parentRef.resource: Required value, spec.parentRef.name: Required value]
        "#]],
    );
    check(
        "ServiceCIDR",
        &[
            ("/spec/cidrs", json!([])),
            ("/spec/cidrs", json!(["10.0.0.0/8", "10.1.0.0/16"])),
            ("/spec/cidrs", json!(["10.0.0.1/8", "x", "2001:db8::/64"])),
            ("/spec/cidrs", json!(["10.0.0.0/8", "2001:db8::/64"])),
        ],
        expect![[r#"
            /spec/cidrs = []
              spec.cidrs: Required value: at least one CIDR required
            /spec/cidrs = ["10.0.0.0/8","10.1.0.0/16"]
              spec.cidrs: Invalid value: ["10.0.0.0/8","10.1.0.0/16"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64
            /spec/cidrs = ["10.0.0.1/8","x","2001:db8::/64"]
              [spec.cidrs: Invalid value: ["10.0.0.1/8","x","2001:db8::/64"]: may only hold up to 2 values, spec.cidrs[0]: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length, spec.cidrs[1]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)]
            /spec/cidrs = ["10.0.0.0/8","2001:db8::/64"]
              nothing is wrong
        "#]],
    );
    check(
        "PodDisruptionBudget",
        &[
            ("/spec/maxUnavailable", json!(1)),
            ("/spec/minAvailable", json!("150%")),
            ("/spec/minAvailable", json!("many")),
            ("/spec/minAvailable", json!(-1)),
            ("/spec/selector/matchLabels/a b", json!("c")),
            ("/spec/unhealthyPodEvictionPolicy", json!("Never")),
        ],
        expect![[r#"
            /spec/maxUnavailable = 1
              spec: Invalid value: {"maxUnavailable":1,"minAvailable":"50%","selector":{"matchLabels":{"app":"web"}}}: minAvailable and maxUnavailable cannot be both set
            /spec/minAvailable = "150%"
              spec.minAvailable: Invalid value: "150%": must not be greater than 100%
            /spec/minAvailable = "many"
              spec.minAvailable: Invalid value: "many": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')
            /spec/minAvailable = -1
              spec.minAvailable: Invalid value: -1: must be greater than or equal to 0
            /spec/selector/matchLabels/a b = "c"
              spec.selector.matchLabels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            /spec/unhealthyPodEvictionPolicy = "Never"
              spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"
        "#]],
    );
}
