use serde_json::json;

use super::{check, expect};

#[test]
fn limit_ranges() {
    check(
        "LimitRange",
        &[
            ("/metadata/name", json!("A")),
            ("/spec/limits/0/type", json!("Node")),
            ("/spec/limits/0/type", json!("example.com/Node")),
            ("/spec/limits/1/type", json!("Container")),
            ("/spec/limits/1/default", json!({"cpu": "1"})),
            ("/spec/limits/2/max", json!(null)),
            ("/spec/limits/2/max/pods", json!("1")),
            ("/spec/limits/0/max/storage", json!("1")),
            ("/spec/limits/0/max/disk", json!("1")),
            ("/spec/limits/0/min/cpu", json!("3")),
            (
                "/spec/limits/0/default",
                json!({"cpu": "50m", "memory": "32Mi"}),
            ),
            ("/spec/limits/0/maxLimitRequestRatio/cpu", json!("500m")),
            ("/spec/limits/0/maxLimitRequestRatio/cpu", json!("100")),
            (
                "/spec/limits/0",
                json!({"type": "Container", "default": {"hugepages-2Mi": "4Mi"}, "defaultRequest": {"hugepages-2Mi": "2Mi"}}),
            ),
        ],
        expect![[r#"
            /metadata/name = "A"
              metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            /spec/limits/0/type = "Node"
              spec.limits[0].type: Invalid value: "Node": must be a standard limit type or fully qualified
            /spec/limits/0/type = "example.com/Node"
              nothing is wrong
            /spec/limits/1/type = "Container"
              spec.limits[1].type: Duplicate value: "Container"
            /spec/limits/1/default = {"cpu":"1"}
              spec.limits[1].default: Forbidden: may not be specified when `type` is 'Pod'
            /spec/limits/2/max = null
              spec.limits[2].limits: Required value: either minimum or maximum storage value is required, but neither was provided
            /spec/limits/2/max/pods = "1"
              nothing is wrong
            /spec/limits/0/max/storage = "1"
              [spec.limits[0].max[storage]: Invalid value: "storage": must be a standard resource for containers, spec.limits[0].default[storage]: Invalid value: "storage": must be a standard resource for containers, spec.limits[0].defaultRequest[storage]: Invalid value: "storage": must be a standard resource for containers]
            /spec/limits/0/max/disk = "1"
              [spec.limits[0].max[disk]: Invalid value: "disk": must be a standard resource type or fully qualified, spec.limits[0].max[disk]: Invalid value: "disk": must be a standard resource for containers, spec.limits[0].default[disk]: Invalid value: "disk": must be a standard resource type or fully qualified, spec.limits[0].default[disk]: Invalid value: "disk": must be a standard resource for containers, spec.limits[0].defaultRequest[disk]: Invalid value: "disk": must be a standard resource type or fully qualified, spec.limits[0].defaultRequest[disk]: Invalid value: "disk": must be a standard resource for containers]
            /spec/limits/0/min/cpu = "3"
              [spec.limits[0].min[cpu]: Invalid value: "3": min value 3 is greater than max value 2, spec.limits[0].defaultRequest[cpu]: Invalid value: "2": min value 3 is greater than default request value 2, spec.limits[0].default[cpu]: Invalid value: "3": min value 3 is greater than default value 2, spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "4": ratio 4 is greater than max/min = 0.666667]
            /spec/limits/0/default = {"cpu":"50m","memory":"32Mi"}
              [spec.limits[0].defaultRequest[cpu]: Invalid value: "50m": min value 100m is greater than default request value 50m, spec.limits[0].default[cpu]: Invalid value: "100m": min value 100m is greater than default value 50m, spec.limits[0].defaultRequest[memory]: Invalid value: "64Mi": default request value 64Mi is greater than default limit value 32Mi]
            /spec/limits/0/maxLimitRequestRatio/cpu = "500m"
              spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1
            /spec/limits/0/maxLimitRequestRatio/cpu = "100"
              spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "100": ratio 100 is greater than max/min = 20.000000
            /spec/limits/0 = {"default":{"hugepages-2Mi":"4Mi"},"defaultRequest":{"hugepages-2Mi":"2Mi"},"type":"Container"}
              spec.limits[0].defaultRequest[hugepages-2Mi]: Invalid value: "2Mi": default value 4Mi must equal to defaultRequest value 2Mi in hugepages-2Mi
        "#]],
    );
}

#[test]
fn resource_quotas() {
    check(
        "ResourceQuota",
        &[
            ("/spec/hard/disks", json!("1")),
            ("/spec/hard/storage", json!("1")),
            ("/spec/hard/a b", json!("1")),
            ("/spec/hard/count~1jobs.batch", json!("1")),
            ("/spec/hard/services.nodeports", json!("1")),
            ("/spec/hard/pods", json!("100m")),
            ("/spec/hard/pods", json!("-1")),
            ("/spec/hard/hugepages-2Mi", json!("3Mi")),
            ("/spec/hard/secrets", json!("1")),
            ("/spec/scopes/-", json!("Terminating")),
            ("/spec/scopes", json!(["BestEffort", "Sometimes"])),
            ("/spec/scopeSelector/matchExpressions/0", json!({})),
            (
                "/spec/scopeSelector/matchExpressions/0",
                json!({"scopeName": "PriorityClass", "operator": "In"}),
            ),
            (
                "/spec/scopeSelector/matchExpressions/0",
                json!({"scopeName": "NotTerminating", "operator": "NotIn", "values": ["x"]}),
            ),
            (
                "/spec/scopeSelector/matchExpressions/0",
                json!({"scopeName": "PriorityClass", "operator": "Exists", "values": ["x"]}),
            ),
            (
                "/spec/scopeSelector/matchExpressions/0",
                json!({"scopeName": "BestEffort", "operator": "Exists"}),
            ),
        ],
        expect![[r#"
            /spec/hard/disks = "1"
              [spec.hard[disks]: Invalid value: "disks": must be a standard resource type or fully qualified, spec.hard[disks]: Invalid value: "disks": must be a standard resource for quota]
            /spec/hard/storage = "1"
              spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota
            /spec/hard/a b = "1"
              [spec.hard[a b]: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'), spec.hard[a b]: Invalid value: "a b": must be a standard resource for quota]
            /spec/hard/count~1jobs.batch = "1"
              nothing is wrong
            /spec/hard/services.nodeports = "1"
              [spec.scopes: Invalid value: ["NotTerminating"]: unsupported scope applied to resource, spec.scopeSelector.matchExpressions: Invalid value: {"MatchExpressions":[{"Operator":"In","ScopeName":"PriorityClass","Values":["high"]}]}: unsupported scope applied to resource]
            /spec/hard/pods = "100m"
              spec.hard[pods]: Invalid value: "100m": must be an integer
            /spec/hard/pods = "-1"
              spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0
            /spec/hard/hugepages-2Mi = "3Mi"
              [spec.scopes: Invalid value: ["NotTerminating"]: unsupported scope applied to resource, spec.scopeSelector.matchExpressions: Invalid value: {"MatchExpressions":[{"Operator":"In","ScopeName":"PriorityClass","Values":["high"]}]}: unsupported scope applied to resource]
            /spec/hard/secrets = "1"
              [spec.scopes: Invalid value: ["NotTerminating"]: unsupported scope applied to resource, spec.scopeSelector.matchExpressions: Invalid value: {"MatchExpressions":[{"Operator":"In","ScopeName":"PriorityClass","Values":["high"]}]}: unsupported scope applied to resource]
            /spec/scopes/- = "Terminating"
              spec.scopes: Invalid value: ["NotTerminating","Terminating"]: conflicting scopes
            /spec/scopes = ["BestEffort","Sometimes"]
              [spec.scopes: Invalid value: ["BestEffort","Sometimes"]: unsupported scope applied to resource, spec.scopes: Invalid value: ["BestEffort","Sometimes"]: unsupported scope]
            /spec/scopeSelector/matchExpressions/0 = {}
              [spec.scopeSelector.matchExpressions.scopeName: Invalid value: "": unsupported scope, spec.scopeSelector.matchExpressions.operator: Invalid value: "": not a valid selector operator]
            /spec/scopeSelector/matchExpressions/0 = {"operator":"In","scopeName":"PriorityClass"}
              spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector
            /spec/scopeSelector/matchExpressions/0 = {"operator":"NotIn","scopeName":"NotTerminating","values":["x"]}
              spec.scopeSelector.matchExpressions.operator: Invalid value: "NotIn": must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity
            /spec/scopeSelector/matchExpressions/0 = {"operator":"Exists","scopeName":"PriorityClass","values":["x"]}
              spec.scopeSelector.matchExpressions.values: Invalid value: ["x"]: must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector
            /spec/scopeSelector/matchExpressions/0 = {"operator":"Exists","scopeName":"BestEffort"}
              spec.scopeSelector.matchExpressions: Invalid value: {"MatchExpressions":[{"Operator":"Exists","ScopeName":"BestEffort","Values":null}]}: unsupported scope applied to resource
        "#]],
    );
}

#[test]
fn classes() {
    check(
        "PriorityClass",
        &[
            ("/value", json!(1_000_000_001)),
            ("/metadata/name", json!("system-mine")),
            ("/metadata/name", json!("system-node-critical")),
            ("/preemptionPolicy", json!("Sometimes")),
            ("/preemptionPolicy", json!("")),
        ],
        expect![[r#"
            /value = 1000000001
              value: Forbidden: maximum allowed value of a user defined priority is 1000000000
            /metadata/name = "system-mine"
              metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class
            /metadata/name = "system-node-critical"
              metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of system-node-critical PriorityClass must be 2000001000
            /preemptionPolicy = "Sometimes"
              preemptionPolicy: Unsupported value: "Sometimes": supported values: "PreemptLowerPriority", "Never"
            /preemptionPolicy = ""
              preemptionPolicy: Required value
        "#]],
    );
    check(
        "RuntimeClass",
        &[
            ("/handler", json!("Youki")),
            ("/handler", json!(null)),
            ("/overhead/podFixed/disk", json!("1")),
            ("/overhead/podFixed/cpu", json!("-1")),
            ("/scheduling/nodeSelector/a b", json!("")),
            (
                "/scheduling/tolerations/-",
                json!({"key": "sandboxed", "operator": "Exists"}),
            ),
        ],
        expect![[r#"
            /handler = "Youki"
              handler: Invalid value: "Youki": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            /handler = null
              handler: Invalid value: "": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            /overhead/podFixed/disk = "1"
              [overhead.limits[disk]: Invalid value: "disk": must be a standard resource type or fully qualified, overhead.limits[disk]: Invalid value: "disk": must be a standard resource for containers]
            /overhead/podFixed/cpu = "-1"
              overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0
            /scheduling/nodeSelector/a b = ""
              scheduling.nodeSelector: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            /scheduling/tolerations/- = {"key":"sandboxed","operator":"Exists"}
              scheduling.tolerations[1]: Duplicate value: {"key":"sandboxed","operator":"Exists"}
        "#]],
    );
}
