use serde_json::json;

use super::{check, expect};

#[test]
fn deployments() {
    check(
        "Deployment",
        &[
            ("/spec/replicas", json!(-1)),
            ("/spec/selector", json!(null)),
            ("/spec/selector", json!({})),
            ("/spec/selector/matchLabels/app", json!("other")),
            ("/spec/selector/matchExpressions/0/operator", json!("Near")),
            ("/spec/selector/matchExpressions/0/values", json!([])),
            ("/spec/template/metadata/labels", json!(null)),
            ("/spec/template/metadata/labels/x", json!("a b")),
            ("/spec/template/spec/restartPolicy", json!("Never")),
            ("/spec/template/spec/activeDeadlineSeconds", json!(5)),
            ("/spec/template/spec/containers", json!([])),
            ("/spec/template/spec/containers/0/name", json!("side")),
            ("/spec/template/spec/containers/0/image", json!("")),
            ("/spec/template/spec/containers/0/image", json!(" nginx")),
            (
                "/spec/template/spec/ephemeralContainers",
                json!([{"name": "e", "image": "x"}]),
            ),
            (
                "/spec/strategy",
                json!({"type": "Recreate", "rollingUpdate": {}}),
            ),
            ("/spec/strategy", json!({"type": "Other"})),
            (
                "/spec/strategy",
                json!({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 0}}),
            ),
            (
                "/spec/strategy",
                json!({"rollingUpdate": {"maxUnavailable": "0%", "maxSurge": "0%"}}),
            ),
            (
                "/spec/strategy",
                json!({"rollingUpdate": {"maxUnavailable": "many"}}),
            ),
            (
                "/spec/strategy",
                json!({"rollingUpdate": {"maxUnavailable": "101%"}}),
            ),
            ("/spec/strategy", json!({"rollingUpdate": {"maxSurge": -1}})),
            ("/spec/minReadySeconds", json!(600)),
            ("/spec/revisionHistoryLimit", json!(-1)),
        ],
        expect![[r#"
            /spec/replicas = -1
              spec.replicas: Invalid value: -1: must be greater than or equal to 0
            /spec/selector = null
              spec.selector: Required value
            /spec/selector = {}
              spec.selector: Invalid value: {}: empty selector is invalid for deployment
            /spec/selector/matchLabels/app = "other"
              spec.template.metadata.labels: Invalid value: {"app":"web","tier":"a"}: `selector` does not match template `labels`
            /spec/selector/matchExpressions/0/operator = "Near"
              spec.selector.matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator
            /spec/selector/matchExpressions/0/values = []
              [spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn', spec.template.metadata.labels: Invalid value: {"app":"web","tier":"a"}: `selector` does not match template `labels`]
            /spec/template/metadata/labels = null
              spec.template.metadata.labels: Invalid value: {}: `selector` does not match template `labels`
            /spec/template/metadata/labels/x = "a b"
              spec.template.labels: Invalid value: "a b": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            /spec/template/spec/restartPolicy = "Never"
              spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"
            /spec/template/spec/activeDeadlineSeconds = 5
              spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported
            /spec/template/spec/containers = []
              spec.template.spec.containers: Required value
            /spec/template/spec/containers/0/name = "side"
              spec.template.spec.containers[1].name: Duplicate value: "side"
            /spec/template/spec/containers/0/image = ""
              spec.template.spec.containers[0].image: Required value
            /spec/template/spec/containers/0/image = " nginx"
              nothing is wrong
            /spec/template/spec/ephemeralContainers = [{"image":"x","name":"e"}]
              spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template
            /spec/strategy = {"rollingUpdate":{},"type":"Recreate"}
              spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'
            /spec/strategy = {"type":"Other"}
              spec.strategy: Unsupported value: {"type":"Other"}: supported values: "Recreate", "RollingUpdate"
            /spec/strategy = {"rollingUpdate":{"maxSurge":0,"maxUnavailable":0}}
              spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0
            /spec/strategy = {"rollingUpdate":{"maxSurge":"0%","maxUnavailable":"0%"}}
              spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0
            /spec/strategy = {"rollingUpdate":{"maxUnavailable":"many"}}
              spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "many": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')
            /spec/strategy = {"rollingUpdate":{"maxUnavailable":"101%"}}
              spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%
            /spec/strategy = {"rollingUpdate":{"maxSurge":-1}}
              spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: must be greater than or equal to 0
            /spec/minReadySeconds = 600
              spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds
            /spec/revisionHistoryLimit = -1
              spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0
        "#]],
    );
}

#[test]
fn replica_sets() {
    check(
        "ReplicaSet",
        &[
            ("/spec/replicas", json!(-1)),
            ("/spec/minReadySeconds", json!(-1)),
            ("/spec/selector", json!({})),
            ("/spec/template", json!(null)),
        ],
        expect![[r#"
            /spec/replicas = -1
              spec.replicas: Invalid value: -1: must be greater than or equal to 0
            /spec/minReadySeconds = -1
              spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0
            /spec/selector = {}
              spec.selector: Invalid value: {}: empty selector is invalid for deployment
            /spec/template = null
              [spec.template.metadata.labels: Invalid value: {}: `selector` does not match template `labels`, spec.template.spec.containers: Required value]
        "#]],
    );
}
